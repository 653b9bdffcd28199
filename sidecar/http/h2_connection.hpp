#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string_view>

#include <boost/intrusive/list.hpp>

#include "http/h2_field_list.hpp"
#include "http/h2_frame_watch.hpp"
#include "http/h2_stream.hpp"
#include "http/head.hpp"
#include "http/output.hpp"

struct nghttp2_session;

namespace sidecar::http {

/// The client's side of one connection of HTTP/2 (RFC 9113): frames to streams and back. nghttp2 keeps the protocol;
/// what a request is, and what a client may cost, is judged here.
///
/// The shell's turn: receive() what was read, then take next_news() until there is none, and let the relay of each
/// stream look (`on_downstream_bytes({})`, or `on_downstream_reset()` when it is lost()). Then produce() while the
/// socket has room, and behind it take next_progress() until there is none: it says which streams got on. Both may
/// bring news, so the turn goes on until nothing is new.
class H2Connection {
 public:
  enum class Mode : std::uint8_t {
    translate,  ///< Requests are served.
    refuse,     ///< Each is told to come back over HTTP/1.1: RST_STREAM(HTTP_1_1_REQUIRED), and the connection stays
                ///< until go_away(). A GOAWAY right behind it would keep clients from trying again.
  };

  struct Settings {
    Mode mode = Mode::translate;
    std::uint32_t concurrent_streams = 128;
    std::uint32_t header_list = 32 * 1024;          ///< Bytes of a decoded head, with 32 more for each field.
    std::uint32_t stream_window = 64 * 1024;        ///< Bytes of a request that may wait unread.
    std::uint32_t connection_window = 1024 * 1024;  ///< The same over all streams: what one holds must not stop others.
  };

  explicit H2Connection(const Settings& settings);
  H2Connection(const H2Connection&) = delete;
  H2Connection& operator=(const H2Connection&) = delete;
  ~H2Connection();

  /// Everything that came, the preface included, in any pieces. May come when over(): it is ignored.
  void receive(std::string_view bytes);
  /// The client's side of the connection is gone: every stream that is not done is lost.
  void on_connection_lost();

  /// The next stream about which there is something new, oldest first; nullptr: none. A request is new once its head is
  /// complete, and one that is cancelled before it was ever told about is never told about.
  [[nodiscard]] H2Stream* next_news();
  /// The next stream of whose response something went into frames; nullptr: none. See H2Stream::take_sent().
  [[nodiscard]] H2Stream* next_progress();

  /// Frames to write, about `max` bytes (one frame more at most): as much as there is room for, since what is not
  /// produced stays in the streams, and makes their backends wait. The bytes are copies.
  void produce(Output& out, std::size_t max);
  /// produce() would produce something.
  [[nodiscard]] bool has_output() const;
  /// Nothing more will come or go: the connection is to be closed behind what was produced.
  [[nodiscard]] bool over() const;

  /// The connection is to end: running streams go on, and the client is told to open no others. Those that it had
  /// opened before it heard of it are still served: a PING tells when that is (RFC 9113 §6.8). A second call does not
  /// wait for the answer. In Mode::refuse the first one ends the connection.
  void go_away();

  /// The shell is done with it; the stream is destroyed. What was not in frames is cut, as the client can tell.
  void release(H2Stream& stream);

  /// A head has begun, and more of it must come soon.
  [[nodiscard]] bool in_head() const { return watch_.in_head(); }
  /// Streams that were not released, told about or not.
  [[nodiscard]] std::size_t streams() const { return streams_.size(); }
  /// Requests that were told to come back over HTTP/1.1.
  [[nodiscard]] std::size_t refused() const { return refused_; }
  /// Why the connection had to be ended: a few static words. nullptr: it had not.
  [[nodiscard]] const char* broken() const { return broken_; }
  /// About how much it costs, all streams with it; not what waits in their received().
  [[nodiscard]] std::size_t memory() const;

 private:
  friend class H2Stream;
  friend struct H2Callbacks;

  struct SessionDeleter {
    void operator()(nghttp2_session* session) const;
  };
  template <auto hook>
  using Queue = boost::intrusive::list<H2Stream, boost::intrusive::member_hook<H2Stream, H2Stream::Hook, hook>,
                                       boost::intrusive::constant_time_size<false>>;
  /// How an announced end gets on.
  enum class Leaving : std::uint8_t { no, announced, last_stream_named };

  // What nghttp2 tells (h2_session.cpp).
  [[nodiscard]] H2Stream* find(std::int32_t id) const;
  /// False: it is not to be looked at any further.
  bool on_request_begun(std::int32_t id);
  bool on_field(std::int32_t id, std::string_view name, std::string_view value);
  void on_section_complete(std::int32_t id, bool ends);
  void on_data(std::int32_t id, std::string_view bytes);
  void on_request_end(std::int32_t id);
  void on_closed(H2Stream& stream, std::uint32_t error_code);
  void on_refused_stream() { --patience_; }
  void on_ping_answered();
  void on_goaway_framed(std::uint32_t error_code);
  void on_head_framed(std::int32_t id, bool ends);
  void on_data_framed(H2Stream& stream, std::size_t size, bool ends);

  // What a stream asks for (h2_session.cpp).
  bool submit_informational(H2Stream& stream, const ResponseHead& head);
  bool submit_head(H2Stream& stream, const ResponseHead& head, BodySize size, bool describes, bool ends);
  void submit_trailers(H2Stream& stream);
  void submit_reset(H2Stream& stream, std::uint32_t error_code);
  void resume(H2Stream& stream);
  void consume(H2Stream& stream, std::size_t size);

  void open_session();
  void submit_settings();
  void submit_goaway();
  void tell(H2Stream& stream);
  void lose_all();
  void break_off(std::uint32_t error_code, const char* why);
  void fail(int nghttp2_error);

  Settings settings_;
  std::unique_ptr<nghttp2_session, SessionDeleter> session_;
  std::list<H2Stream> streams_;
  Queue<&H2Stream::news_> news_;
  Queue<&H2Stream::progress_> progress_;
  H2FrameWatch watch_;
  Output* out_ = nullptr;    ///< During produce().
  std::size_t out_max_ = 0;  ///< When `out_` is full.
  const char* broken_ = nullptr;
  std::size_t refused_ = 0;
  std::int32_t patience_ = 100;  ///< How many more streams may come to nothing by the client's doing.
  Leaving leaving_ = Leaving::no;
  bool dead_ = false;  ///< Nothing more can be said to the client.
};

}  // namespace sidecar::http
