#include "config/addresses.hpp"

#include <gtest/gtest.h>

namespace sidecar::config {
namespace {

struct Listen {
  const char* text;
  const char* host;
  std::uint16_t port;
  const char* unix_path;
};

TEST(Addresses, Listen) {
  for (const Listen& expected :
       {Listen{"0.0.0.0:8080", "0.0.0.0", 8080, ""}, Listen{":8080", "", 8080, ""}, Listen{":0", "", 0, ""},
        Listen{"[::]:80", "::", 80, ""}, Listen{"[fe80::1%eth0]:65535", "fe80::1%eth0", 65535, ""},
        Listen{"localhost:1", "localhost", 1, ""}, Listen{"my_app-1.local:1", "my_app-1.local", 1, ""},
        Listen{"unix:/run/sse sidecar.sock", "", 0, "/run/sse sidecar.sock"}}) {
    const Parsed<ListenAddress> parsed = parse_listen_address(expected.text);
    ASSERT_TRUE(parsed.value) << expected.text << ": " << parsed.why;
    EXPECT_EQ(*parsed.value, (ListenAddress{expected.host, expected.port, expected.unix_path, expected.text}));
  }
}

TEST(Addresses, NoListen) {
  const auto why = [](std::string_view text) {
    const Parsed<ListenAddress> parsed = parse_listen_address(text);
    EXPECT_FALSE(parsed.value) << text;
    return parsed.why;
  };
  EXPECT_EQ(why(""), "'' is not an address to listen on: the port is missing, e.g. 0.0.0.0:8080");
  EXPECT_EQ(why("8080"), "'8080' is not an address to listen on: a port alone is written :8080");
  EXPECT_EQ(why("localhost"), "'localhost' is not an address to listen on: the port is missing, e.g. 0.0.0.0:8080");
  EXPECT_EQ(why("*:80"), "'*:80' is not an address to listen on: all addresses are written :PORT");
  EXPECT_EQ(why("::1:80"), "'::1:80' is not an address to listen on: an IPv6 address needs brackets, e.g. [::1]:8080");
  EXPECT_EQ(why("[::1]"), "'[::1]' is not an address to listen on: the port is missing, e.g. 0.0.0.0:8080");
  EXPECT_EQ(why("[::1]80"), "'[::1]80' is not an address to listen on: only a port may follow the brackets");
  for (const char* const text : {"[::1:80", "[]:80", "[1.2.3.4]:80", "[::1%]:80", "[zz]:80"}) {
    EXPECT_EQ(why(text), "'" + std::string(text) + "' is not an address to listen on: no IPv6 address in brackets");
  }
  EXPECT_EQ(why("a:65536"), "'a:65536' is not an address to listen on: '65536' is not a port");
  EXPECT_EQ(why("a:"), "'a:' is not an address to listen on: '' is not a port");
  EXPECT_EQ(why("a:-1"), "'a:-1' is not an address to listen on: '-1' is not a port");
  EXPECT_EQ(why("10.0.0.300:80"), "'10.0.0.300:80' is not an address to listen on: '10.0.0.300' is not a host");
  EXPECT_EQ(why("a b:80"), "'a b:80' is not an address to listen on: 'a b' is not a host");
  EXPECT_EQ(why("http://a:80"),
            "'http://a:80' is not an address to listen on: write host:port, :port, [v6]:port or unix:/path");
  EXPECT_EQ(why("unix:run/x"),
            "'unix:run/x' is not an address to listen on: a unix socket needs an absolute path, "
            "e.g. unix:/run/app.sock");
  EXPECT_EQ(parse_listen_address("unix:/" + std::string(106, 'x')).value->unix_path.size(), 107U);
  EXPECT_FALSE(parse_listen_address("unix:/" + std::string(107, 'x')).value);
  EXPECT_FALSE(parse_listen_address("unix:/a\nb").value);
}

TEST(Addresses, Upstream) {
  const auto address = [](std::string_view text) {
    const auto parsed = parse_upstream_url(text);
    EXPECT_TRUE(parsed.value) << text << ": " << parsed.why;
    return parsed.value.value_or(exchange::UpstreamAddress{});
  };
  EXPECT_EQ(address("http://app"), (exchange::UpstreamAddress{"app", 80, "", false}));
  EXPECT_EQ(address("HTTP://app_1:8000"), (exchange::UpstreamAddress{"app_1", 8000, "", false}));
  EXPECT_EQ(address("http://10.0.0.3:65535"), (exchange::UpstreamAddress{"10.0.0.3", 65535, "", false}));
  EXPECT_EQ(address("http://[::1]"), (exchange::UpstreamAddress{"::1", 80, "", false}));
  EXPECT_EQ(address("http://[2001:db8::1]:8000"), (exchange::UpstreamAddress{"2001:db8::1", 8000, "", false}));
  EXPECT_EQ(address("unix:/run/app.sock"), (exchange::UpstreamAddress{"", 80, "/run/app.sock", false}));
  EXPECT_EQ(address("https://app"), (exchange::UpstreamAddress{"app", 443, "", true}));
  EXPECT_EQ(address("HTTPS://[::1]:8443"), (exchange::UpstreamAddress{"::1", 8443, "", true}));
}

TEST(Addresses, NoUpstream) {
  const auto why = [](std::string_view text) {
    const auto parsed = parse_upstream_url(text);
    EXPECT_FALSE(parsed.value) << text;
    return parsed.why;
  };
  for (const char* const text : {"", "app:8000", "http:/app", "ftp://app", "//app"}) {
    EXPECT_EQ(why(text),
              "'" + std::string(text) +
                  "' is not the URL of an upstream: write http://host:port, https://host:port or unix:/path");
  }
  for (const char* const rest : {"/", "/api", "?a=b", "#x", "/?x"}) {
    const std::string text = "http://app:8000" + std::string(rest);
    EXPECT_EQ(why(text), "'" + text +
                             "' is not the URL of an upstream: nothing may follow the host and port (write "
                             "http://app:8000)");
  }
  const std::string no_advice = "' is not the URL of an upstream: nothing may follow the host and port";
  EXPECT_EQ(why("http://app\r\nlevel=error/x"), "'http://app\\x0d\\nlevel=error/x" + no_advice);
  EXPECT_EQ(why("http://\x1b[2J/x"), "'http://\\x1b[2J/x" + no_advice);
  EXPECT_EQ(why("http:///x"), "'http:///x" + no_advice);
  EXPECT_EQ(why("http://a:b@app"),
            "'http://a:b@app' is not the URL of an upstream: a user or password is not supported");
  EXPECT_EQ(why("http://"), "'http://' is not the URL of an upstream: the host is missing");
  EXPECT_EQ(why("http://:80"), "'http://:80' is not the URL of an upstream: the host is missing");
  EXPECT_EQ(why("http://app:0"), "'http://app:0' is not the URL of an upstream: '0' is not a port");
  EXPECT_EQ(why("http://app:"), "'http://app:' is not the URL of an upstream: '' is not a port");
  EXPECT_EQ(why("http://a..b"), "'http://a..b' is not the URL of an upstream: 'a..b' is not a host");
  EXPECT_EQ(why("http://::1:80"),
            "'http://::1:80' is not the URL of an upstream: an IPv6 address needs brackets, e.g. [::1]:8080");
}

TEST(Addresses, NamesInCertificates) {
  for (const char* const name : {"app.test", "app_1", "10.0.0.1", "::1", "2001:db8::1"}) {
    EXPECT_EQ(parse_server_name(name).value, name);
  }
  EXPECT_EQ(parse_server_name("App.Test").value, "app.test");
  for (const char* const name : {"", "app:443", "[::1]", "*.test", "10.0.0.300", "fe80::1%eth0", "a b"}) {
    EXPECT_FALSE(parse_server_name(name).value) << name;
  }
}

TEST(Addresses, NetworksPrintAsTheyAreRead) {
  for (const char* const text : {"172.16.0.0/12", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/32", "::/0", "::1/128"}) {
    const auto network = parse_network(text);
    ASSERT_TRUE(network.value) << network.why;
    EXPECT_EQ(format_network(*network.value), text);
  }
  EXPECT_EQ(format_network(*parse_network("10.0.0.1").value), "10.0.0.1/32");
  EXPECT_EQ(format_network(*parse_network("::1").value), "::1/128");
}

TEST(Addresses, Ipv4NetworksAreMapped) {
  const auto network = parse_network("172.16.0.0/12");
  ASSERT_TRUE(network.value);
  EXPECT_EQ(network.value->prefix_bits, 96 + 12);
  EXPECT_EQ(network.value->address,
            (std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 172, 16, 0, 0}));
}

TEST(Addresses, NoNetworks) {
  EXPECT_EQ(parse_network("172.16.5.1/12").why,
            "'172.16.5.1/12' is not a network: bits are set behind the prefix (write 172.16.0.0/12)");
  EXPECT_EQ(parse_network("10.0.0.0/33").why, "'10.0.0.0/33' is not a network: the prefix has 0 to 32 bits");
  EXPECT_EQ(parse_network("::/129").why, "'::/129' is not a network: the prefix has 0 to 128 bits");
  for (const char* const text : {"", "app", "10.0.0/8", "10.0.0.0.0/8", "[::1]"}) {
    EXPECT_EQ(parse_network(text).why,
              "'" + std::string(text) + "' is not a network: write 172.16.0.0/12 or 2001:db8::/32");
  }
  EXPECT_FALSE(parse_network("10.0.0.0/").value);
  EXPECT_FALSE(parse_network(std::string_view("10.0.0.1\0x", 10)).value);
}

TEST(Addresses, MatchHosts) {
  EXPECT_EQ(parse_match_host("App.Example").value, "app.example");
  EXPECT_EQ(parse_match_host("[2001:DB8::1]").value, "[2001:db8::1]");
  EXPECT_EQ(parse_match_host("app:80").why, "'app:80' is not a host: it is matched without the port");
  EXPECT_EQ(parse_match_host("::1").why, "'::1' is not a host: an IPv6 address needs brackets");
  EXPECT_EQ(parse_match_host("*.example").why, "'*.example' is not a host");
  EXPECT_EQ(parse_match_host("").why, "'' is not a host");
}

}  // namespace
}  // namespace sidecar::config
