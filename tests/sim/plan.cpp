#include "tests/sim/plan.hpp"

#include <algorithm>
#include <array>

namespace sidecar::test {

namespace {

std::string random_body(Random& random) {
  std::string body;
  const std::size_t size = random.one_in(8) ? random.below(6000) : random.below(60);
  for (std::size_t i = 0; i < size; ++i) body += static_cast<char>(random.below(256));
  return body;
}

std::string hex(std::size_t size) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789abcdef"[size % 16]);
    size /= 16;
  } while (size > 0);
  return text;
}

std::string chunked(const std::string& body, Random& random) {
  std::string wire;
  for (const std::string& piece : in_pieces(body, random)) wire += hex(piece.size()) + "\r\n" + piece + "\r\n";
  wire += random.one_in(4) ? "0\r\nX-Sum: 1\r\n\r\n" : "0\r\n\r\n";
  return wire;
}

std::string framed(BodyForm form, const std::string& body, Random& random) {
  if (form == BodyForm::none) return "\r\n";
  if (form == BodyForm::until_close) return "\r\n" + body;
  if (form == BodyForm::chunked) return "Transfer-Encoding: chunked\r\n\r\n" + chunked(body, random);
  return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// The status line and the fields of the final head, without framing.
std::string head_of(std::size_t number, PlannedResponse& response, Random& random) {
  static constexpr std::array kStatuses = {200, 200, 200, 503, 201, 204, 206, 304, 404, 500};
  response.status = response.switches ? 101 : response.stream || response.opaque ? 200 : kStatuses[random.below(10)];
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " Reason\r\nX-Plan: " + std::to_string(number);
  head += "\r\n";
  if (response.switches) head += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  if (response.stream || response.opaque) head += "Content-Type: text/event-stream\r\n";
  if (response.opaque) head += "Content-Encoding: gzip\r\n";
  return head;
}

/// The body's bytes that are in the first `size` bytes of the response's wire.
void cut_short(PlannedResponse& response, std::size_t head, BodyForm form, const std::string& body, Random& random) {
  const std::size_t cut = random.below(response.wire.size());
  if (response.end == PlannedEnd::malformed && (cut >= head || cut == 0)) {
    // Where it is sure to be noticed: instead of a head, or of a chunk's line.
    const bool in_chunks = cut >= head && form == BodyForm::chunked;
    response.wire = in_chunks ? response.wire.substr(0, head) + "junk\r\n" : "SSH-2.0\r\n";
    response.body.clear();
    response.head_passes = in_chunks;
    return;
  }
  if (response.end == PlannedEnd::malformed) response.end = PlannedEnd::cut;
  response.wire.resize(cut);
  response.head_passes = cut >= head;
  if (!response.head_passes) {
    response.body.clear();
  } else if (form != BodyForm::chunked) {
    response.body = body.substr(0, cut - head);
  } else {
    response.body = "?";  // Worked out by a reader of its own.
  }
}

}  // namespace

std::vector<std::string> in_pieces(const std::string& text, Random& random) {
  std::vector<std::string> pieces;
  const bool whole = random.one_in(4);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = whole ? text.size() : 1 + random.below(random.one_in(4) ? 400 : 40);
    pieces.push_back(text.substr(at, size));
    at += size;
  }
  return pieces;
}

PlannedRequest plan_request(std::size_t number, bool last, Random& random) {
  static constexpr std::array kMethods = {"GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "X-OWN"};
  PlannedRequest request;
  request.method = kMethods[random.below(kMethods.size())];
  request.version_1_0 = random.one_in(5);
  request.upgrade = !request.version_1_0 && request.method == "GET" && random.one_in(8);
  BodyForm form = BodyForm::none;
  if (request.method != "GET" && request.method != "HEAD")
    form = request.version_1_0 || random.one_in(2) ? BodyForm::length : BodyForm::chunked;
  if (form != BodyForm::none) request.body = random_body(random);
  std::string head = request.method + " /" + std::to_string(number) + (request.version_1_0 ? " HTTP/1.0" : " HTTP/1.1");
  head += "\r\nHost: h\r\n";
  request.wants_stream = request.method == "GET" && !request.upgrade && random.one_in(2);
  if (request.wants_stream) head += "Accept: text/event-stream\r\n";
  if (request.upgrade) head += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  const bool keep = request.version_1_0 && random.one_in(2);
  const bool close = !request.version_1_0 && !request.upgrade && (last ? random.one_in(2) : random.one_in(12));
  if (keep) head += "Connection: keep-alive\r\n";
  if (close) head += "Connection: close\r\n";
  request.last = close || (request.version_1_0 && !keep);
  if (random.one_in(24)) {
    request.malformed = true;
    const bool body = form == BodyForm::chunked && random.one_in(2);
    if (body) request.body = "abc";
    request.wire = body ? head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd" : head + "No colon\r\n\r\n";
  } else {
    request.wire = head + framed(form, request.body, random);
  }
  return request;
}

PlannedResponse plan_response(std::size_t number, const PlannedRequest& request, Random& random) {
  PlannedResponse response;
  response.switches = request.upgrade && !random.one_in(4);
  response.stream = !response.switches && random.one_in(2);
  response.opaque = response.stream && random.one_in(6);
  response.early = random.one_in(6);
  const std::string head = head_of(number, response, random);
  const bool bodiless = request.method == "HEAD" || response.status == 204 || response.status == 304;
  if (bodiless) response.stream = response.opaque = false;
  std::string body = response.stream ? random_stream(random.next()) : random_body(random);
  BodyForm form = std::array{BodyForm::length, BodyForm::chunked, BodyForm::until_close}[random.below(3)];
  if (bodiless || response.switches) form = BodyForm::none;
  if (form == BodyForm::none) body.clear();
  const bool interim = !response.switches && random.one_in(6);
  if (interim) response.wire = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  response.close = form == BodyForm::until_close || random.one_in(4);
  response.wire += head;
  if (response.close && !response.switches) response.wire += "Connection: close\r\n";
  if (response.switches) body = random_body(random);
  const std::size_t before = response.wire.size();
  response.wire += response.switches ? "\r\n" + body : framed(form, body, random);
  const std::size_t head_size = response.wire.find("\r\n\r\n", before > 2 ? before - 2 : 0) + 4;
  response.body = body;
  response.head_passes = true;
  if (random.one_in(3)) {
    response.end = std::array{PlannedEnd::cut, PlannedEnd::reset, PlannedEnd::malformed}[random.below(3)];
    // The end of the connection is no cut where it is the end of the body.
    if (form == BodyForm::until_close || response.switches) response.end = PlannedEnd::reset;
    cut_short(response, head_size, form, body, random);
  } else if ((response.stream || response.switches) && !body.empty() && random.one_in(3)) {
    response.end = PlannedEnd::silent;
    if (form == BodyForm::length || form == BodyForm::chunked) response.wire.resize(response.wire.size() - 1);
    if (form == BodyForm::length && !body.empty()) response.body.pop_back();
  }
  return response;
}

}  // namespace sidecar::test
