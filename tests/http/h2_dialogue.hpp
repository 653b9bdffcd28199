#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h2_connection.hpp"
#include "tests/http/h2_frames.hpp"

namespace sidecar::test {

/// A client that sends frames, and exchanges that answer when the test says so.
class H2Dialogue {
 public:
  static constexpr std::size_t kUnlimited = std::string::npos;

  /// The hellos of both sides are behind them, unless `greet` is false.
  explicit H2Dialogue(const http::H2Connection::Settings& settings = {}, bool greet = true);

  /// What the client sends, and at once what an exchange understands of it.
  void client(std::string_view bytes);
  /// As many reads as bytes.
  void client_bytewise(std::string_view bytes);

  /// What exchanges were told since this was last asked: `1 GET / [Host: h] none`, `1 'abc'`, `1 end`,
  /// `1 refused 400 (why)`, `1 lost CANCEL`, each on a line.
  [[nodiscard]] std::string seen() {
    body_of_ = 0;
    return std::exchange(seen_, {});
  }
  /// The frames that were sent since, as text; up to `room` bytes of them.
  [[nodiscard]] std::string to_client(std::size_t room = kUnlimited);
  /// The same as bytes.
  [[nodiscard]] std::string bytes_to_client(std::size_t room = kUnlimited);

  // What an exchange says.
  void head(std::int32_t id, int status, http::BodySize size, const h2::List& fields = {});
  void informational(std::int32_t id, int status, const h2::List& fields = {});
  void body(std::int32_t id, std::string_view bytes);
  void end(std::int32_t id, const h2::List& trailers = {});
  /// 200 with this body, whole.
  void answer(std::int32_t id, std::string_view bytes);
  void finish(std::int32_t id) { stream(id).finish(); }
  void release(std::int32_t id);

  /// It must have been seen, and not been released.
  [[nodiscard]] http::H2Stream& stream(std::int32_t id) { return *streams_.at(id); }
  /// Exchanges take no bodies until take_bodies() says so.
  void leave_bodies() { bodies_left_ = true; }
  void take_bodies();

  http::H2Connection connection;
  http::HeadLimits limits;
  h2::Reader reader;

 private:
  void look();
  void look(http::H2Stream& stream);
  bool tell(http::H2Stream& stream, const http::DownstreamCodec::Parsed& parsed);

  std::map<std::int32_t, http::H2Stream*> streams_;
  http::HeadScratch scratch_;
  http::Output out_;
  std::string seen_;
  std::int32_t body_of_ = 0;  ///< Whose body the last line is.
  bool bodies_left_ = false;
};

}  // namespace sidecar::test
