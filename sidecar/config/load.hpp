#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/check.hpp"
#include "config/config.hpp"
#include "config/environment.hpp"
#include "config/problem.hpp"

namespace sidecar::config {

struct FileText {
  std::string name;  ///< As problems shall call it.
  std::string text;
};

/// A raw value from outside the file, and what to blame for it: `--workers` or `SSE_SIDECAR_WORKERS`.
struct Override {
  std::string value;
  std::string origin;
};

/// What beats the file. Options have already beaten the environment here.
struct Overrides {
  std::vector<Override> listen;           ///< Not empty: instead of all listeners of the file.
  std::vector<Override> tls_listen;       ///< Likewise; each with all of the certificates.
  std::vector<Override> tls_certificate;  ///< Files; as many keys.
  std::vector<Override> tls_key;
  std::optional<Override> http2;     ///< Of every listener.
  std::optional<Override> upstream;  ///< Defines the upstream `default`, or moves the file's one of that name.
  std::optional<Override> heartbeat_interval;  ///< Of the defaults: a route that says its own keeps it.
  std::optional<Override> early_open;          ///< The same of its time.
  std::optional<Override> response_timeout;    ///< Of every upstream.
  std::optional<Override> workers;
  std::optional<Override> admin;
  std::optional<Override> log_level;
  std::optional<Override> log_format;
};

struct LoadResult {
  std::optional<Config> config;  ///< Without problems only.
  Problems problems;             ///< All of them, except behind a syntax error.
};

/// What somebody else finds wrong with a configuration that is sound in itself: the files that it names, perhaps.
using FurtherCheck = std::function<std::vector<Finding>(const Config&)>;

/// Options beat environment beats file beats defaults. No input makes it throw.
[[nodiscard]] LoadResult load(const std::optional<FileText>& file, const Overrides& overrides,
                              const EnvironmentLookup& environment, const FurtherCheck& further = {});

struct AdminResult {
  std::optional<AdminConfig> admin;  ///< Without problems only.
  Problems problems;
};

/// The admin listener alone, for who wants to ask a running process: nothing else of the file is judged, and beside
/// an `override` the file has no say at all. No input makes it throw.
[[nodiscard]] AdminResult load_admin(const std::optional<FileText>& file, const std::optional<Override>& override,
                                     const EnvironmentLookup& environment);

/// Every key that a file may hold, sorted: `limits.head_bytes`, `routes[].match.path`, `upstreams.NAME.url`.
[[nodiscard]] std::vector<std::string> known_keys();

}  // namespace sidecar::config
