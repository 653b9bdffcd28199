#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exchange/policy.hpp"

/// The effective configuration: options beat environment beats file beats defaults.
namespace sidecar::config {

using Milliseconds = std::chrono::milliseconds;

struct ListenAddress {
  std::string host;           ///< Literal address or name; empty (`:8080`): dual-stack any. No brackets.
  std::uint16_t port = 8080;  ///< 0: any free port.
  std::string unix_path;      ///< Empty for TCP.
  std::string text;           ///< As configured.

  bool operator==(const ListenAddress&) const = default;
};

/// PEM files.
struct CertificateFiles {
  std::string certificate;  ///< With its chain behind it.
  std::string key;

  bool operator==(const CertificateFiles&) const = default;
};

struct ListenerTls {
  std::vector<CertificateFiles>
      certificates;       ///< Chosen by the name that the client asks for; the first is for others.
  std::string client_ca;  ///< Who signs the certificates that clients must have; empty: none.
  Milliseconds handshake_timeout{10'000};

  bool operator==(const ListenerTls&) const = default;
};

/// What becomes of clients that would speak HTTP/2.
enum class Http2 : std::uint8_t {
  downgrade,  ///< They are moved to HTTP/1.1.
  translate,  ///< It is terminated here.
};

struct Listener {
  ListenAddress address;
  std::optional<ListenerTls> tls;  ///< nullopt: plain.
  Http2 http2 = Http2::downgrade;
  bool proxy_protocol = false;  ///< Every connection begins with a PROXY header, version 1 or 2.
};

/// Where a machine asks how the sidecar is: an address of its own, never a proxied one.
struct AdminConfig {
  std::optional<ListenAddress> address = ListenAddress{"127.0.0.1", 9901, "", "127.0.0.1:9901"};  ///< nullopt: off.
  bool configured = false;  ///< Somebody chose the address: without it the process does not start.
};

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };
enum class LogFormat : std::uint8_t { automatic, json, text };  ///< automatic: text on a terminal, JSON otherwise.

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;
  std::vector<std::string> redact_query = {"access_token", "token",     "api_key",  "key",
                                           "secret",       "signature", "password", "code"};
};

struct Config {
  std::size_t workers = 1;
  std::vector<Listener> listeners;
  exchange::EventStreamPolicy event_stream;  ///< `defaults.event_stream`, which the routes have taken over; for print.
  exchange::PolicySet policies;
  exchange::DrainPolicy drain;
  AdminConfig admin;
  LogConfig log;
};

}  // namespace sidecar::config
