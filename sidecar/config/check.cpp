#include "config/check.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "config/report.hpp"
#include "config/tokens.hpp"
#include "config/words.hpp"

namespace sidecar::config {
namespace {

using Findings = std::vector<Finding>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

/// They say how a message is framed on one connection: the proxy's own business on both sides.
constexpr std::array<std::string_view, 8> kFramingFields{
    "connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"};

void check_listeners(const Config& config, Findings& findings) {
  if (config.listeners.empty()) findings.push_back({"listeners", "at least one listener is needed"});
  std::set<std::tuple<std::string, std::uint16_t, std::string>> seen;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenAddress& address = config.listeners[i].address;
    if (config.listeners[i].tls && config.listeners[i].tls->certificates.empty()) {
      findings.push_back({element_path("listeners", i) + ".tls.certificates", "at least one is needed"});
    }
    const bool any_free_port = address.port == 0 && address.unix_path.empty();
    if (address.text.empty() || any_free_port) continue;
    if (seen.emplace(lower_case(address.host), address.port, address.unix_path).second) continue;
    findings.push_back({element_path("listeners", i) + ".address", in_quotes(address.text) + " is listened on twice"});
  }
}

/// A default address that somebody listens on himself is left to him; a configured one is a contradiction.
void check_admin(const Config& config, Findings& findings) {
  if (!config.admin.configured || !config.admin.address) return;
  const ListenAddress& admin = *config.admin.address;
  if (admin.port == 0 && admin.unix_path.empty()) return;
  for (const Listener& listener : config.listeners) {
    const ListenAddress& address = listener.address;
    if (lower_case(address.host) != lower_case(admin.host) || address.port != admin.port ||
        address.unix_path != admin.unix_path)
      continue;
    findings.push_back({"admin.address", in_quotes(admin.text) + " is the address of a listener"});
    return;
  }
}

void check_upstream(const exchange::UpstreamPolicy& upstream, Findings& findings) {
  const std::string path = member_path("upstreams", upstream.name);
  if (upstream.url.empty()) findings.push_back({path + ".url", "is missing"});
  const exchange::UpstreamTls& tls = upstream.tls;
  const bool judged = !upstream.address.host.empty() || !upstream.address.unix_path.empty();  // its URL was readable
  if (judged && !upstream.address.tls && tls != exchange::UpstreamTls{}) {
    findings.push_back({path + ".tls", "only an https URL has it"});
  }
  if (tls.certificate.empty() != tls.key.empty()) {
    findings.push_back({path + (tls.key.empty() ? ".tls.key" : ".tls.certificate"),
                        tls.key.empty() ? "is missing: the certificate needs it" : "is missing: the key is its"});
  }
  if (!tls.verify && !tls.ca.empty()) {
    findings.push_back({path + ".tls.ca", "nobody is asked with 'verify: false'"});
  }
}

void check_route_names(const Config& config, Findings& findings) {
  std::map<std::string_view, std::size_t> seen;
  const auto& routes = config.policies.routes;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto [first, fresh] = seen.emplace(routes[i].name, i);
    if (fresh) continue;
    findings.push_back({element_path("routes", i) + ".name", "two routes are named " + in_quotes(routes[i].name) +
                                                                 " (the other one is routes[" +
                                                                 std::to_string(first->second) + "])"});
  }
}

/// Names and values of `set` or of `match.headers`; a name may stand once, whatever its case.
void check_fields(const std::string& path, const Pairs& fields, Findings& findings) {
  std::set<std::string> seen;
  for (const auto& [name, value] : fields) {
    const std::string place = member_path(path, name);
    const Parsed<std::string> parsed = parse_field_name(name);
    if (!parsed.value) findings.push_back({place, parsed.why});
    if (!is_field_value(value)) {  // not shown: it may be a secret
      findings.push_back({place, "the value has a line break, a control character, or a blank at either end"});
    }
    if (!seen.insert(lower_case(name)).second) findings.push_back({place, "this header is listed twice"});
  }
}

bool is_framing_field(std::string_view name) {
  return std::find(kFramingFields.begin(), kFramingFields.end(), lower_case(name)) != kFramingFields.end();
}

void check_changes(const std::string& path, const exchange::FieldChanges& changes, bool request, Findings& findings) {
  const std::string message = " is part of how the message is framed: the proxy keeps it itself";
  check_fields(path + ".set", changes.set, findings);
  std::set<std::string> set;
  for (const auto& [name, value] : changes.set) {
    set.insert(lower_case(name));
    if (is_framing_field(name)) findings.push_back({member_path(path + ".set", name), in_quotes(name) + message});
  }
  for (std::size_t i = 0; i < changes.remove.size(); ++i) {
    const std::string& name = changes.remove[i];
    const std::string place = element_path(path + ".remove", i);
    if (is_framing_field(name)) findings.push_back({place, in_quotes(name) + message});
    if (request && lower_case(name) == "host") findings.push_back({place, "'Host' can be set, but not removed"});
    if (set.contains(lower_case(name))) findings.push_back({place, in_quotes(name) + " is set and removed"});
  }
}

/// What would do nothing, or leave a client in the silence that it is there to end.
void check_event_stream(const std::string& path, const exchange::EventStreamPolicy& policy,
                        const exchange::UpstreamPolicy& upstream, Findings& findings) {
  const bool beats = policy.heartbeat.sends();
  const exchange::ErrorEventPolicy& error = policy.error_event;
  if (policy.early_open.after && !beats) {
    findings.push_back({path + ".early_open", "needs heartbeats: a stream that is opened early would be silent again"});
  }
  if (policy.early_open.after && upstream.response_timeout &&
      *policy.early_open.after >= upstream.connect_timeout + *upstream.response_timeout) {
    findings.push_back({path + ".early_open.after", "never comes: " + member_path("upstreams", upstream.name) +
                                                        " is given up before (connect_timeout, response_timeout)"});
  }
  if (error.configured() && error.statuses.empty() && !policy.early_open.after && !policy.unavailable.hold) {
    findings.push_back({path + ".error_event", "is never sent: name statuses, or opt in to early_open or unavailable"});
  }
  if (error.configured() && error.then == exchange::AfterError::hold && !beats) {
    findings.push_back({path + ".error_event.then", "'hold' needs heartbeats: nothing else keeps a client"});
  }
}

void check_routes(const Config& config, Findings& findings) {
  check_route_names(config, findings);
  const auto& routes = config.policies.routes;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const std::string path = element_path("routes", i);
    check_fields(path + ".match.headers", routes[i].match.headers, findings);
    check_changes(path + ".request_headers", routes[i].request_headers, true, findings);
    check_changes(path + ".response_headers", routes[i].response_headers, false, findings);
    if (routes[i].upstream < config.policies.upstreams.size())
      check_event_stream(path + ".event_stream", routes[i].event_stream, config.policies.upstreams[routes[i].upstream],
                         findings);
  }
}

}  // namespace

std::vector<Finding> check(const Config& config) {
  Findings findings;
  check_listeners(config, findings);
  check_admin(config, findings);
  for (const exchange::UpstreamPolicy& upstream : config.policies.upstreams) {
    check_upstream(upstream, findings);
  }
  check_routes(config, findings);
  return findings;
}

}  // namespace sidecar::config
