#include "sse/media_type.hpp"

#include <gtest/gtest.h>

namespace sidecar::sse {
namespace {

struct Case {
  std::string_view value;
  bool expected;
};

TEST(MediaType, IsEventStream) {
  const Case cases[] = {
      {"text/event-stream", true},
      {"Text/Event-Stream", true},
      {"TEXT/EVENT-STREAM;CHARSET=UTF-8", true},
      {"text/event-stream; charset=utf-8", true},
      {"text/event-stream;", true},
      {" \ttext/event-stream \t; x=y", true},
      {"text/event-stream;x=\"a;b\"", true},
      {"", false},
      {" ", false},
      {";", false},
      {"text/event-streamx", false},
      {"text/event-streams", false},
      {"text/event-stream2", false},
      {"text/event-stream x", false},
      {"text/event-strea", false},
      {"text/event", false},
      {"text / event-stream", false},
      {"application/x-dom-event-stream", false},
      {"text/html; a=text/event-stream", false},
      {"x-text/event-stream", false},
      {"\"text/event-stream\"", false},
      {"text/plain, text/event-stream", false},
      {"text/event-stream, text/plain", false},
  };
  for (const Case& c : cases) EXPECT_EQ(is_event_stream(c.value), c.expected) << c.value;
}

TEST(MediaType, CharsetIsUtf8) {
  const Case cases[] = {
      {"", true},
      {"text/event-stream", true},
      {"text/event-stream;", true},
      {"text/event-stream;charset=utf-8", true},
      {"text/event-stream; Charset=UTF-8", true},
      {"text/event-stream; charset=\"utf-8\"", true},
      {"text/event-stream; charset=\"UTF\\-8\"", true},
      {"text/event-stream; charset=utf8", true},
      {"text/event-stream; charset=\"UTF8\" ; x=y", true},
      {"text/event-stream; charset=", true},
      {"text/event-stream; charset=\"\"", true},
      {"text/event-stream; charset", true},
      {"text/event-stream ; charset = utf-8 ", true},
      {"text/event-stream; x=\"; charset=latin1\"", true},
      {"text/event-stream; x=\"\\\"; charset=latin1\"", true},
      {"text/event-stream; x-charset=latin1", true},
      {"text/event-stream; charset=utf-8; charset=latin1", true},
      {"text/event-stream; charset=latin1; charset=utf-8", false},
      {"text/event-stream; x=y; charset=iso-8859-1", false},
      {"text/event-stream; charset=utf-16", false},
      {"text/event-stream; charset=utf-16le", false},
      {"text/event-stream; charset=utf-80", false},
      {"text/event-stream; charset=utf-", false},
      {"text/event-stream; charset = latin1", false},
      {"text/event-stream; charset=\"utf-8 \"", false},
      {"text/event-stream; charset='utf-8'", false},
      {"text/event-stream; x=\"y\"; charset=\"utf-16\"", false},
      {"text/event-stream; charset=\"utf-16", false},
  };
  for (const Case& c : cases) EXPECT_EQ(charset_is_utf8(c.value), c.expected) << c.value;
}

TEST(MediaType, AcceptsEventStream) {
  const Case cases[] = {
      {"text/event-stream", true},
      {"TEXT/EVENT-STREAM", true},
      {"application/json, text/event-stream", true},
      {"application/json,text/event-stream;q=0.001", true},
      {"text/event-stream ; q=0.5 , */*;q=0", true},
      {"text/event-stream;q=1.000", true},
      {"text/event-stream;charset=utf-8", true},
      {"text/event-stream;Q=0, text/event-stream", true},
      {"text/event-stream;q=", true},
      {"text/event-stream;q=x", true},
      {"x/y;a=\"b, c\", text/event-stream", true},
      {",, text/event-stream", true},
      {"", false},
      {"*/*", false},
      {"text/*", false},
      {"text/html", false},
      {"text/event-streams", false},
      {"text/event-stream;q=0", false},
      {"text/event-stream; q=0.000", false},
      {"text/event-stream;x=y;Q=0.0", false},
      {"text/event-stream;q=0.", false},
      {"x/y;a=\"text/event-stream, text/event-stream\"", false},
      {"x/y;a=\", text/event-stream", false},
  };
  for (const Case& c : cases) EXPECT_EQ(accepts_event_stream(c.value), c.expected) << c.value;
}

}  // namespace
}  // namespace sidecar::sse
