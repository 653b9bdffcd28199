#include "http/own_answer.hpp"

#include <vector>

#include "http/json_text.hpp"

namespace sidecar::http {

std::string_view reason_phrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

void write_own_answer(const OwnAnswer& answer, std::string& body, ResponseSink& sink) {
  const std::string_view phrase = reason_phrase(answer.status);
  body.clear();
  if (answer.json) {
    body.append("{\"status\":").append(std::to_string(answer.status)).append(",\"error\":");
    append_json_string(phrase, body);
    body.append(",\"source\":\"sse-sidecar\"");
    if (!answer.upstream.empty()) append_json_string(answer.upstream, body.append(",\"upstream\":"));
    append_json_string(answer.reason_class, body.append(",\"reason\":"));
    body.append("}\n");
  } else {
    body.append(std::to_string(answer.status)).append(" ").append(phrase).append("\nsse-sidecar: ");
    if (!answer.upstream.empty()) body.append("upstream '").append(answer.upstream).append("': ");
    body.append(answer.reason_class).append("\n");
  }
  const std::string retry_after = std::to_string(answer.retry_after.count());
  std::vector<Field> fields = {Field{"Content-Type", answer.json ? "application/json" : "text/plain; charset=utf-8"},
                               Field{"Cache-Control", "no-store"}};
  if (answer.retry_after.count() > 0) fields.push_back({"Retry-After", retry_after});
  fields.insert(fields.end(), answer.more.begin(), answer.more.end());
  ResponseHead head;
  head.status = answer.status;
  head.reason = phrase;
  head.fields = fields;
  sink.head(head, {BodySize::Kind::length, body.size()});
  sink.data(body);
  sink.end({});
}

}  // namespace sidecar::http
