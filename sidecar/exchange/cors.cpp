#include "exchange/cors.hpp"

#include <algorithm>
#include <string>

#include "http/fields.hpp"

namespace sidecar::exchange {

std::string_view allowed_origin(const CorsPolicy& policy, http::Fields request) {
  const std::string_view origin = http::value_of(request, "Origin");
  if (origin.empty() || http::count(request, "Origin") != 1) return {};
  for (const std::string& allowed : policy.origins) {
    if (allowed == "*") return allowed;
    if (allowed == origin) return origin;
  }
  return {};
}

std::vector<http::Field> cors_fields(const CorsPolicy& policy, std::string_view allowed) {
  std::vector<http::Field> fields;
  if (!allowed.empty()) fields.push_back({"Access-Control-Allow-Origin", allowed});
  if (!allowed.empty() && policy.credentials) fields.push_back({"Access-Control-Allow-Credentials", "true"});
  const bool differs = std::find(policy.origins.begin(), policy.origins.end(), "*") == policy.origins.end();
  if (differs) fields.push_back({"Vary", "Origin"});
  return fields;
}

void add_cors(const CorsPolicy& policy, std::string_view allowed, http::HeadScratch& scratch,
              http::ResponseHead& head) {
  if (!policy.configured() || http::find(head.fields, "Access-Control-Allow-Origin") != nullptr) return;
  for (const http::Field& field : cors_fields(policy, allowed)) {
    const bool there =
        field.name == "Vary" && (http::lists(head.fields, "Vary", "Origin") || http::lists(head.fields, "Vary", "*"));
    // A backend that allows credentials and no origin has said nothing; twice would be once too often.
    if (there || (field.name != "Vary" && http::find(head.fields, field.name) != nullptr)) continue;
    scratch.rewritten.push_back(field);
    head.fields = scratch.rewritten;
  }
}

std::string_view preflight_method(const http::RequestHead& head) {
  if (head.method != "OPTIONS" || http::find(head.fields, "Origin") == nullptr) return {};
  return http::value_of(head.fields, "Access-Control-Request-Method");
}

void write_preflight(const CorsPolicy& policy, std::string_view allowed, std::string_view method,
                     http::ResponseSink& sink) {
  std::vector<http::Field> fields = cors_fields(policy, allowed);
  std::string headers;
  for (const std::string& name : policy.headers) headers.append(headers.empty() ? "" : ", ").append(name);
  const std::string max_age = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(policy.max_age).count());
  fields.push_back({"Access-Control-Allow-Methods", method});
  if (!headers.empty()) fields.push_back({"Access-Control-Allow-Headers", headers});
  fields.push_back({"Access-Control-Max-Age", max_age});
  http::ResponseHead head;
  head.status = 204;
  head.reason = "No Content";
  head.fields = fields;
  sink.head(head, {});
  sink.end({});
}

}  // namespace sidecar::exchange
