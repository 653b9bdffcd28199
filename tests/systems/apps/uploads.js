'use strict';
// Progress of an upload: the service behind nginx with HTTP/2 towards the browsers.
const http = require('http');
const journal = require('./journal');

const silence = 1000 * Number(process.env.SILENCE || 3);

http.createServer((req, res) => {
  const match = /^\/api\/v1\/uploads\/([^/]+)\/stream$/.exec(req.url);
  if (!match) return res.writeHead(404).end();
  journal(`upload ${match[1]}`);
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no', Connection: 'keep-alive' });
  res.write(`event: connected\ndata: {"taskId":"${match[1]}"}\n\n`);
  res.write('event: progress\ndata: {"percent":40}\n\n');
  setTimeout(() => {
    res.write('event: progress\ndata: {"percent":100}\n\n');
    res.end(`event: complete\ndata: {"taskId":"${match[1]}"}\n\n`);
  }, silence);
}).listen(Number(process.argv[2]), '127.0.0.1');
