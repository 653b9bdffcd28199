#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/intrusive/list_hook.hpp>

#include "http/downstream_codec.hpp"
#include "http/h2_field_list.hpp"

namespace sidecar::http {

class H2Connection;

/// One request and its response on a connection of HTTP/2, which owns it. It lives until H2Connection::release(), also
/// when HTTP/2 has done with it long before: then what is written to it goes nowhere.
///
/// What the client sends waits in received() and is given back to its window as next() consumes it, so a stream never
/// holds more than Settings::stream_window. What the exchange says waits here until H2Connection::produce() makes
/// frames of it: the `Output` of the encoder stays empty.
class H2Stream final : public DownstreamCodec {
 public:
  H2Stream(H2Connection& connection, std::int32_t id) : connection_(connection), id_(id) {}
  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;

  [[nodiscard]] Parsed next(std::string_view& input, const HeadLimits& limits, HeadScratch& scratch) override;

  [[nodiscard]] bool at_head() const override { return state_ == State::head; }
  [[nodiscard]] bool request_complete() const override { return state_ == State::ended || body_is_empty_; }
  /// There is none: each has a stream of its own.
  void next_request() override {}
  /// Never asked for: Upgrade and 101 do not exist in HTTP/2, and CONNECT is refused (RFC 9113 §8.6).
  void start_tunnel() override {}

  [[nodiscard]] bool persistent() const override { return false; }
  /// The connection says that by itself (H2Connection::go_away()).
  void refuse_persistence() override {}
  [[nodiscard]] bool only_reset_tells_truncation() const override { return false; }

  void write_informational(const ResponseHead& head, Output& out) override;
  void write_head(const ResponseHead& head, BodySize size, Output& out) override;
  /// Nothing: nobody can have asked for it.
  void write_switching(const ResponseHead& head, Output& out) override;
  void write_data(std::string_view bytes, Output& out) override;
  void write_end(Fields trailers, Output& out) override;

  [[nodiscard]] std::int32_t id() const { return id_; }
  void* shell = nullptr;  ///< Whoever serves it; only kept.

  /// The client reset it, or it broke a rule, or the connection is gone, before the response was out. That is news.
  [[nodiscard]] bool lost() const { return lost_; }
  /// The code of the RST_STREAM that ended it, from either side (RFC 9113 §7); meaningful once it is lost.
  [[nodiscard]] std::uint32_t error_code() const { return error_code_; }

  /// How much of the response is not in frames yet: bytes of the body, and one for each head and for the end.
  [[nodiscard]] std::size_t pending() const override;
  /// What went into frames since this was last asked, counted like pending().
  [[nodiscard]] std::size_t take_sent();

  /// The exchange is over. A complete response flows out, and behind it the client is told to stop sending what nobody
  /// reads any more (RFC 9113 §8.1). An incomplete one is reset once its last byte is in a frame: the client can tell.
  void finish();
  /// Reset at once, whatever is pending.
  void abort();

  /// What it costs beside itself and received().
  [[nodiscard]] std::size_t memory() const;

 private:
  friend class H2Connection;
  friend struct H2Callbacks;

  /// Of the request, as it was handed out.
  enum class State : std::uint8_t { head, body, ended, broken };
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  using Trailers = std::vector<std::pair<std::string, std::string>>;

  [[nodiscard]] Parsed next_head(const HeadLimits& limits, HeadScratch& scratch);
  [[nodiscard]] Parsed next_end(const HeadLimits& limits, HeadScratch& scratch);
  void discard(std::string_view& input);
  void keep_trailers(Fields trailers);
  [[nodiscard]] bool takes_response() const { return !closed_ && !reset_; }

  // What the connection tells.
  /// How much the section counts so far.
  std::size_t on_field(std::string_view name, std::string_view value, std::size_t list_size_max);
  /// False: nobody wants it any more.
  bool on_data(std::string_view bytes);
  void on_head_framed(bool ends);
  void on_data_framed(std::size_t size, bool ends);
  void on_closed(std::uint32_t error_code);
  void settle_end();
  void reset(std::uint32_t error_code);
  void drop_response();
  [[nodiscard]] std::string_view unframed() const { return std::string_view(response_).substr(framed_); }
  /// Everything is there but the frames: no more data will come.
  [[nodiscard]] bool is_last(std::size_t size) const { return response_ended_ && size == unframed().size(); }

  H2Connection& connection_;
  std::list<H2Stream>::iterator self_;
  Hook news_;
  Hook progress_;
  std::unique_ptr<H2FieldList> head_;
  std::unique_ptr<H2FieldList> request_trailers_;
  std::unique_ptr<Trailers> trailers_;  ///< Behind the response, if any.
  std::string response_;                ///< Its body; what is framed goes.
  std::size_t framed_ = 0;              ///< In `response_`.
  std::size_t sent_ = 0;
  std::int32_t id_;
  std::uint32_t error_code_ = 0;
  std::uint16_t heads_pending_ = 0;
  State state_ = State::head;
  bool shown_ : 1 = false;          ///< The shell knows it.
  bool head_complete_ : 1 = false;  ///< Of the request, and so on:
  bool request_ended_ : 1 = false;  ///< END_STREAM came.
  bool body_is_empty_ : 1 = false;
  bool to_head_ : 1 = false;
  bool head_written_ : 1 = false;    ///< Of the response: the final one, and so on:
  bool response_ended_ : 1 = false;  ///< Nothing more will be written.
  bool bodiless_ : 1 = false;        ///< The head has END_STREAM.
  bool answered_ : 1 = false;        ///< The final head is in a frame.
  bool end_framed_ : 1 = false;
  bool deferred_ : 1 = false;  ///< nghttp2 waits to be told of more data.
  bool finished_ : 1 = false;  ///< The exchange is over.
  bool reset_ : 1 = false;     ///< We have reset it.
  bool lost_ : 1 = false;
  bool closed_ : 1 = false;  ///< nghttp2 has no such stream any more.
};

}  // namespace sidecar::http
