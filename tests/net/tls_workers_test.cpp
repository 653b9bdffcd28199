// TLS and HTTP/2 on several workers: contexts, tickets, pools and policies are shared, and nothing of that is broken by
// a crowd, by reloads in its midst, nor by the end. Also run under the thread sanitizer.
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <random>
#include <sstream>

#include "tests/net/harness/http2.hpp"
#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

constexpr std::uint32_t kRefusedStream = 7;  ///< RFC 9113 §7.
constexpr unsigned kClients = 18;
const int kRounds = sanitized() ? 10 : 30;

std::string events_up_to(std::size_t count) {
  std::string events;
  for (std::size_t i = 0; i < count; ++i) events += "data: " + std::to_string(i) + "\n\n";
  return events;
}

std::string without_heartbeats(std::string body) {
  for (std::size_t at = 0; (at = body.find(kHeartbeat, at)) != std::string::npos;) body.erase(at, kHeartbeat.size());
  return body;
}

/// What the backend does is in the target: /body/N, /stream/N (N events), /echo.
void serve_on(RawConnection& connection) {
  while (true) {
    const Request request = read_request(connection, scaled(30s));
    std::istringstream target(request.head.start_line);
    std::string method;
    std::string path;
    target >> method >> path;
    const auto size = static_cast<std::size_t>(std::stoul(path.substr(path.rfind('/') + 1)));
    if (path.starts_with("/echo")) {
      connection.send(ok(request.body));
    } else if (path.starts_with("/body")) {
      connection.send(ok(pattern(size)));
    } else {
      connection.send(kStreamHead);
      for (std::size_t i = 0; i < size; ++i) connection.send(chunk("data: " + std::to_string(i) + "\n\n"));
      connection.send(kLastChunk);
    }
  }
}

struct Wish {
  std::string method = "GET";
  std::string target;
  std::string upload;
  std::string expected;
};

/// `streams`: event streams too.
Wish make_wish(std::mt19937& random, bool streams) {
  const std::size_t size = random() % 100'000;
  switch (random() % (streams ? 3 : 2)) {
    case 0:
      return {"GET", "/body/" + std::to_string(size), "", pattern(size)};
    case 1:
      return {"POST", "/echo/1", pattern(size + 1), pattern(size + 1)};
    default:
      return {"GET", "/stream/" + std::to_string(size % 40), "", events_up_to(size % 40)};
  }
}

void compare(const Wish& wish, int status, const std::string& body) {
  if (status != 200) throw Failure(wish.target + ": " + std::to_string(status) + " " + body);
  const bool stream = wish.target.starts_with("/stream");
  if ((stream ? without_heartbeats(body) : body) != wish.expected) throw Failure(wish.target + ": wrong bytes");
}

/// An answer that has begun has to be whole.
void ask_over_http1(RawConnection& client, const Wish& wish) {
  const std::string length = "Content-Length: " + std::to_string(wish.upload.size()) + "\r\n";
  client.send(wish.method + " " + wish.target + " HTTP/1.1\r\nHost: app.test\r\n" +
                  (wish.upload.empty() ? "" : length) + "\r\n" + wish.upload,
              scaled(30s));
  const Head head = client.read_head(scaled(30s));
  try {
    BodyReader body(client, framing_of_response(head, wish.method));
    compare(wish, head.status(), body.read_all(scaled(30s)));
  } catch (const PeerGone& gone) {
    throw Failure(wish.target + ": cut: " + gone.what());
  }
}

/// Some at once, of which one may be cancelled.
void ask_over_http2(Http2Client& client, std::mt19937& random, bool streams) {
  std::vector<std::pair<std::int32_t, Wish>> asked;
  for (auto i = 1 + random() % 5; i > 0; --i) {
    const Wish wish = make_wish(random, streams);
    asked.emplace_back(client.request(wish.method, wish.target, wish.upload), wish);
  }
  if (streams && random() % 4 == 0) client.cancel(client.get("/stream/30"));
  for (const auto& [stream, wish] : asked) {
    const Http2Client::Answer& answer = client.wait(stream, scaled(30s));
    if (answer.error == kRefusedStream && answer.status == 0) throw PeerGone("refused");
    if (answer.error != 0) throw Failure(wish.target + ": error " + std::to_string(answer.error));
    compare(wish, answer.status, answer.body);
  }
}

class TlsWorkers : public ::testing::Test {
 protected:
  /// One listener with TLS, one without; both translate HTTP/2.
  Launch launch() const {
    Launch launch;
    launch.listeners = 2;
    launch.config = "workers: 4\nlisteners: [{ address: \"127.0.0.1:0\", http2: translate, tls: { certificates: [{ " +
                    ("certificate: " + used.certificate + ", key: " + used.key) +
                    " }] } }, { address: \"127.0.0.2:0\", http2: translate }]\nupstreams: { app: { url: \"https://" +
                    backend.listener().address() + "\", tls: { ca: " + authority.ca() +
                    " } } }\ndefaults: { event_stream: { heartbeat: { interval: 60ms } } }\n"
                    "drain: { grace: 5s }\nlog: { level: debug, format: json }\n";
    return launch;
  }
  void use(const Issued& issued) const {
    const auto over = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(issued.certificate, used.certificate, over);
    std::filesystem::copy_file(issued.key, used.key, over);
  }
  /// A peer that resumes where its last connection left off, whichever worker that was.
  TlsPeer peer(std::string_view protocols) const {
    TlsPeer made = TlsPeer::client(authority.ca()).offer(protocols);
    SSL_CTX_set_session_cache_mode(made.context(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    return made;
  }

  TemporaryFolder folder;
  Authority authority{folder};
  Issued first = authority.issue("first");
  Issued second = authority.issue("second");
  Issued used{folder.path("used.crt"), folder.path("used.key")};
  TlsPeer server = TlsPeer::server(authority.issue("backend"));
  ServingBackend backend{[this](RawConnection& connection) {
    connection.start_tls(server.make());
    serve_on(connection);
  }};
};

/// Comes again and again, each time a bit differently; one turn of `ask` is all that it wants of a connection, or more.
class Visitor {
 public:
  /// `streams`: it asks for event streams too, and leaves in the midst of answers.
  Visitor(const Sidecar& sidecar, const TlsPeer& http1, const TlsPeer& http2, unsigned seed, bool streams)
      : sidecar_(sidecar), http1_(http1), http2_(http2), random_(seed), seed_(seed), streams_(streams) {}

  void visit(int rounds) {
    switch (seed_ % 3) {
      case 0: {
        RawConnection client = shake(http1_, http1_session_);
        for (int i = 0; i < rounds; ++i) ask_over_http1(client, make_wish(random_, streams_));
        return leave(client);
      }
      case 1: {
        Http2Client client(shake(http2_, http2_session_));
        for (int i = 0; i < rounds; ++i) ask_over_http2(client, random_, streams_);
        return leave(client.connection());
      }
      default: {
        Http2Client client(sidecar_.connect({}, 1));
        for (int i = 0; i < rounds; ++i) ask_over_http2(client, random_, streams_);
        return leave(client.connection());
      }
    }
  }
  [[nodiscard]] unsigned dice() { return static_cast<unsigned>(random_()); }
  [[nodiscard]] int resumed() const { return resumed_; }

 private:
  using Session = std::shared_ptr<SSL_SESSION>;

  RawConnection shake(const TlsPeer& peer, Session& session) {
    RawConnection connection = sidecar_.connect();  // First: when nobody listens any more nothing else was made.
    SSL* ssl = peer.make();
    if (session) SSL_set_session(ssl, session.get());
    connection.start_tls(ssl);
    if (SSL_session_reused(ssl) != 0) ++resumed_;
    last_ = &session;
    return connection;
  }

  /// With a goodbye or without, and now and then in the middle of an answer.
  void leave(RawConnection& connection) {
    if (connection.ssl() != nullptr) *last_ = Session(SSL_get1_session(connection.ssl()), SSL_SESSION_free);
    if (streams_ && random_() % 3 == 0 && seed_ % 3 == 0) connection.send(get("/stream/30"));
    random_() % 2 == 0 ? connection.reset() : connection.close();
  }

  const Sidecar& sidecar_;
  const TlsPeer& http1_;
  const TlsPeer& http2_;
  std::mt19937 random_;
  unsigned seed_;
  bool streams_;
  Session http1_session_;
  Session http2_session_;
  Session* last_ = nullptr;
  int resumed_ = 0;
};

TEST_F(TlsWorkers, a_crowd_gets_exact_bytes_while_certificates_are_reloaded) {
  use(first);
  Sidecar sidecar(launch());
  const TlsPeer http1 = peer("http/1.1");
  const TlsPeer http2 = peer("h2");
  std::mutex mutex;
  std::vector<std::string> failures;
  std::atomic<int> resumed = 0;
  std::atomic<int> visits = 0;
  std::atomic<unsigned> running = kClients;
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= kClients; ++seed) {
    threads.emplace_back([&, seed] {
      try {
        Visitor visitor(sidecar, http1, http2, seed, true);
        for (int left = kRounds; left > 0;) {
          const int rounds = std::min<int>(left, 1 + static_cast<int>(visitor.dice() % 4));
          visitor.visit(rounds);
          ++visits;
          left -= rounds;
        }
        resumed += visitor.resumed();
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex);
        failures.push_back("seed " + std::to_string(seed) + ": " + error.what());
      }
      --running;
    });
  }
  const auto reloads = [&] {
    const auto lines = sidecar.log_of("message");
    return std::count_if(lines.begin(), lines.end(),
                         [](const auto& line) { return text_of(line, "message") == "configuration reloaded"; });
  };
  for (std::ptrdiff_t done = 0; running > 0 || done < 2; ++done) {
    for (const int before = visits; running > 0 && visits < before + 10;) std::this_thread::sleep_for(5ms);
    use(done % 2 == 0 ? second : first);
    sidecar.signal(SIGHUP);
    for (const auto start = Clock::now(); reloads() == done;) {
      ASSERT_LT(since(start), patience()) << "nothing comes of SIGHUP";
      std::this_thread::sleep_for(20ms);
    }
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) ADD_FAILURE() << failure;
  for (const auto& failure : backend.failures()) ADD_FAILURE() << "backend: " << failure;
  EXPECT_GT(resumed, 0) << "tickets of one worker are good for another";
  std::cout << "reloads: " << reloads() << ", resumed: " << resumed << "\n";
}

TEST_F(TlsWorkers, stopping_under_load_cuts_no_answer) {
  use(first);
  Sidecar sidecar(launch());
  const TlsPeer http1 = peer("http/1.1");
  const TlsPeer http2 = peer("h2");
  std::atomic<int> served = 0;
  std::mutex mutex;
  std::vector<std::string> failures;
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 9; ++seed) {
    threads.emplace_back([&, seed] {
      Visitor visitor(sidecar, http1, http2, seed, false);
      try {
        for (;; ++served) visitor.visit(3);
      } catch (const PeerGone&) {  // A connection that ended between two answers.
      } catch (const std::exception& error) {
        if (std::string_view(error.what()).starts_with("connect: ")) return;  // Nobody listens any more.
        const std::lock_guard lock(mutex);
        failures.push_back("seed " + std::to_string(seed) + ": " + error.what());
      }
    });
  }
  for (const auto start = Clock::now(); served < 30 && since(start) < patience();) std::this_thread::sleep_for(5ms);
  EXPECT_GE(served, 30);
  EXPECT_EQ(sidecar.stop(), 0);
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) ADD_FAILURE() << failure;
}

}  // namespace
}  // namespace sidecar::nettest
