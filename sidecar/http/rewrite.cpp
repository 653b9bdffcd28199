#include "http/rewrite.hpp"

#include <algorithm>
#include <iterator>

#include "http/field_names.hpp"
#include "http/fields.hpp"
#include "http/request_check.hpp"

namespace sidecar::http {

namespace {

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view n) { return iequals(name, n); });
}

/// What Connection names, collected once for the whole head.
void collect_options(Fields fields, std::vector<std::string_view>& options) {
  options.clear();
  for (const Field& field : fields) {
    if (!iequals(field.name, "Connection")) continue;
    ListWalker walker(field.value);
    while (const auto option = walker.next()) options.push_back(*option);
  }
}

/// Is the field of this connection only, by its name or because Connection names it (RFC 9110 §7.6.1)?
bool stays_here(std::string_view name, const std::vector<std::string_view>& options) {
  if (is_hop_by_hop(name)) return true;
  const auto same = [&](std::string_view option) { return iequals(name, option); };
  return std::any_of(options.begin(), options.end(), same) && !must_stay(name);
}

/// `name/version` or `name` (RFC 9110 §7.8). A quote that is never closed could hide one more member of the list.
bool is_protocol(std::string_view text) {
  const auto slash = text.find('/');
  return is_token(text.substr(0, slash)) && (slash == std::string_view::npos || is_token(text.substr(slash + 1)));
}

/// Repeated equal lengths count once (RFC 9110 §8.6).
bool is_repeated_length(const Field& field, const std::vector<Field>& fields) {
  return iequals(field.name, "Content-Length") && find(fields, "Content-Length") != nullptr;
}

/// A value composed of parts, with a lifetime of the head's. `composed` was reserved, so earlier views stay valid.
class Composer {
 public:
  explicit Composer(std::string& composed) : composed_(composed), start_(composed.size()) {}
  Composer& add(std::string_view part) {
    composed_.append(part);
    return *this;
  }
  [[nodiscard]] std::string_view view() const { return std::string_view(composed_).substr(start_); }

 private:
  std::string& composed_;
  std::size_t start_;
};

/// Room for every value that may be composed for one head, so that the string never moves.
void begin_composing(Fields fields, std::size_t extra, HeadScratch& scratch) {
  std::size_t size = 256 + extra;
  for (const Field& field : fields) size += field.value.size() + 2;
  scratch.composed.clear();
  scratch.composed.reserve(size);
}

/// `X_User` goes with X-User: a backend may take the one for the other, and what is removed or set is meant to hold.
void erase_named(std::vector<Field>& fields, std::string_view name) {
  std::erase_if(fields, [&](const Field& field) { return is_same_variable(field.name, name); });
}

void set_field(std::vector<Field>& fields, std::string_view name, std::string_view value) {
  const auto same = [&](const Field& field) { return is_same_variable(field.name, name); };
  const auto first = std::find_if(fields.begin(), fields.end(), same);
  if (first == fields.end()) {
    fields.push_back({name, value});
    return;
  }
  if (!iequals(first->name, name)) first->name = name;
  first->value = value;
  fields.erase(std::remove_if(first + 1, fields.end(), same), fields.end());
}

void set_or_erase(std::vector<Field>& fields, std::string_view name, std::string_view value) {
  if (value.empty()) {
    erase_named(fields, name);
  } else {
    set_field(fields, name, value);
  }
}

void apply(const FieldChanges* changes, std::vector<Field>& fields) {
  if (changes == nullptr) return;
  for (const std::string& name : changes->remove) erase_named(fields, name);
  for (const auto& [name, value] : changes->set) set_field(fields, name, value);
}

/// All values of one field as a list, with one more member, if there is one.
std::string_view appended(const std::vector<Field>& fields, std::string_view name, std::string_view more,
                          std::string& composed) {
  Composer value(composed);
  const auto add = [&](std::string_view member) {
    if (!member.empty()) value.add(value.view().empty() ? "" : ", ").add(member);
  };
  for (const Field& field : fields) {
    if (iequals(field.name, name)) add(field.value);
  }
  add(more);
  return value.view();
}

void forward_client(const RequestChanges& changes, std::string_view host, HeadScratch& scratch) {
  std::vector<Field>& fields = scratch.rewritten;
  const std::string_view scheme = changes.tls ? "https" : "http";
  if (changes.x_forwarded == XForwarded::keep) return;
  if (changes.x_forwarded == XForwarded::append) {
    const std::string_view all = appended(fields, "X-Forwarded-For", changes.client_address, scratch.composed);
    erase_named(fields, "X-Forwarded-For");
    if (!all.empty()) fields.push_back({"X-Forwarded-For", all});
    if (find(fields, "X-Forwarded-Proto") == nullptr) fields.push_back({"X-Forwarded-Proto", scheme});
    if (find(fields, "X-Forwarded-Host") == nullptr && !host.empty()) fields.push_back({"X-Forwarded-Host", host});
    return;
  }
  std::erase_if(fields, [](const Field& field) { return is_forwarding(field.name); });
  set_or_erase(fields, "X-Forwarded-For", changes.client_address);
  set_field(fields, "X-Forwarded-Proto", scheme);
  set_or_erase(fields, "X-Forwarded-Host", host);
}

/// `no-cache` and `no-transform` join what is there, in the last line; nothing that a browser or a middle box would
/// do with a stream is left to its default (RFC 9111 §5.2.2).
void forbid_caching(HeadScratch& scratch) {
  std::vector<Field>& fields = scratch.rewritten;
  const bool no_cache = lists(fields, "Cache-Control", "no-cache");
  const bool no_transform = lists(fields, "Cache-Control", "no-transform");
  if (no_cache && no_transform) return;
  const auto last = std::find_if(fields.rbegin(), fields.rend(),
                                 [](const Field& field) { return iequals(field.name, "Cache-Control"); });
  Composer value(scratch.composed);
  if (last != fields.rend() && !last->value.empty()) value.add(last->value).add(", ");
  value.add(no_cache ? "" : "no-cache").add(no_cache || no_transform ? "" : ", ");
  value.add(no_transform ? "" : "no-transform");
  if (last != fields.rend()) {
    last->value = value.view();
  } else {
    fields.push_back({"Cache-Control", value.view()});
  }
}

}  // namespace

std::string_view upgrade_offer(const RequestHead& head, HeadScratch& scratch) {
  std::string& offer = scratch.upgrade;
  offer.clear();
  if (head.version == Version::http_1_0 || !lists(head.fields, "Connection", "upgrade")) return {};
  for (const Field& field : head.fields) {
    if (!iequals(field.name, "Upgrade")) continue;
    ListWalker walker(field.value);
    while (const auto protocol = walker.next()) {
      if (!is_protocol(*protocol) || one_of(*protocol, {"h2c", "h2", "HTTP/2.0", "HTTP/2"})) continue;
      offer.append(offer.empty() ? "" : ", ").append(*protocol);
    }
  }
  return offer;
}

bool offers_http2(const RequestHead& head) {
  const bool heard = head.version == Version::http_1_1 && lists(head.fields, "Connection", "upgrade");
  return heard && lists(head.fields, "Upgrade", "h2c");
}

void rewrite_request(const RequestHead& head, const RequestChanges& changes, HeadScratch& scratch, RequestHead& out) {
  begin_composing(head.fields, changes.client_address.size(), scratch);
  const TargetParts parts = split_target(head.target);
  out.method = head.method;
  out.target = parts.target;
  out.version = Version::http_1_1;
  std::vector<Field>& fields = scratch.rewritten;
  fields.clear();
  const bool trailers = !changes.upgrade && lists(head.fields, "TE", "trailers");
  collect_options(head.fields, scratch.options);
  for (const Field& field : head.fields) {
    const bool tells_client = !changes.client_header.empty() && is_same_variable(field.name, changes.client_header);
    if (tells_client && !iequals(field.name, changes.client_header)) continue;  // Its double in a CGI variable.
    if (!tells_client && stays_here(field.name, scratch.options)) continue;
    if (is_repeated_length(field, fields)) continue;
    if (changes.strip_accept_encoding && iequals(field.name, "Accept-Encoding")) continue;
    fields.push_back(field);
  }
  if (!parts.authority.empty()) set_field(fields, "Host", parts.authority);
  // HTTP/1.0 clients may have none, and an HTTP/1.1 request must have one (RFC 9112 §3.2).
  if (find(fields, "Host") == nullptr) fields.push_back({"Host", changes.default_host});
  if (trailers) fields.push_back({"TE", "trailers"});
  forward_client(changes, value_of(fields, "Host"), scratch);
  apply(changes.route, fields);
  if (trailers) fields.push_back({"Connection", "TE"});
  out.fields = fields;
}

Fields rewrite_trailers(Fields trailers, const FieldChanges& route, std::string_view client_header,
                        HeadScratch& scratch) {
  const auto changed = [&](const Field& trailer) {
    const auto same = [&](std::string_view name) { return is_same_variable(trailer.name, name); };
    return std::any_of(route.remove.begin(), route.remove.end(), same) ||
           std::any_of(route.set.begin(), route.set.end(), [&](const auto& set) { return same(set.first); }) ||
           (!client_header.empty() && same(client_header));
  };
  if (std::none_of(trailers.begin(), trailers.end(), changed)) return trailers;
  scratch.rewritten.clear();
  std::remove_copy_if(trailers.begin(), trailers.end(), std::back_inserter(scratch.rewritten), changed);
  return scratch.rewritten;
}

void rewrite_response(const ResponseHead& head, const ResponseChanges& changes, HeadScratch& scratch,
                      ResponseHead& out) {
  begin_composing(head.fields, 0, scratch);
  out = head;
  std::vector<Field>& fields = scratch.rewritten;
  fields.clear();
  collect_options(head.fields, scratch.options);
  // Upgrade belongs to 101 and 426 (RFC 9110 §7.8); elsewhere it is an offer of the backend's own connection.
  const bool keep_upgrade = head.status == 101 || head.status == 426;
  for (const Field& field : head.fields) {
    if (is_repeated_length(field, fields)) continue;
    const bool kept = keep_upgrade && iequals(field.name, "Upgrade");
    if (!kept && stays_here(field.name, scratch.options)) continue;
    if (changes.event_stream && iequals(field.name, "X-Accel-Buffering")) continue;
    fields.push_back(field);
  }
  if (changes.event_stream) {
    forbid_caching(scratch);
    fields.push_back({"X-Accel-Buffering", "no"});
  }
  apply(changes.route, fields);
  out.fields = fields;
}

}  // namespace sidecar::http
