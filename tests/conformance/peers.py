"""Other proxies, each as plain as it can be in front of one backend: on loopback, on free ports, ended with us."""

import re
import subprocess

from harness import Program, find, free_port

NGINX = """daemon off;
master_process off;
pid {name}.pid;
error_log stderr crit;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {name}-body;
  proxy_temp_path {name}-proxy;
  fastcgi_temp_path {name}-fastcgi;
  uwsgi_temp_path {name}-uwsgi;
  scgi_temp_path {name}-scgi;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
    }}
  }}
}}
"""

HAPROXY = """defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  server one 127.0.0.1:{backend}
"""

CADDY = """{{
  admin off
  auto_https off
  log {{
    level ERROR
  }}
}}
http://:{port} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{backend}
}}
"""

PEERS = {
    "nginx": (NGINX, ("nginx", "-p", "{folder}", "-e", "stderr", "-c", "{config}")),
    "haproxy": (HAPROXY, ("haproxy", "-db", "-f", "{config}")),
    "caddy": (CADDY, ("caddy", "run", "--adapter", "caddyfile", "--config", "{config}")),
}

VERSIONS = {"nginx": "-v", "haproxy": "-v", "caddy": "version"}


def version(peer):
    said = subprocess.run([find(peer), VERSIONS[peer]], capture_output=True, text=True, check=False)
    number = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    return f"{peer} {number[0] if number else '?'}"


def start(peer, systems, backend_port):
    """A running `peer` in front of `backend_port`; its port."""
    template, argv = PEERS[peer]
    port = free_port()
    name = f"{peer}-{port}"
    config = systems.folder / f"{name}.conf"
    config.write_text(template.format(name=name, port=port, backend=backend_port))
    home = {"HOME": str(systems.folder), "XDG_DATA_HOME": str(systems.folder), "XDG_CONFIG_HOME": str(systems.folder)}
    words = [word.format(folder=systems.folder, config=config) for word in argv]
    program = Program(name, words, systems.folder, home)
    program.port = port
    systems.programs.append(program)
    program.wait_for_port()
    return port
