// Resumption: whose tickets are good, where, and for how long.
#include "net/tls_tickets.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string>

#include "net/tls_context.hpp"
#include "tests/net/harness/suite.hpp"
#include "tests/net/harness/tls.hpp"

namespace sidecar::nettest {
namespace {

using net::TicketKey;
using net::TicketKeys;
using net::TimePoint;

constexpr std::chrono::hours kLife{2};
constexpr TimePoint kStart = TimePoint() + std::chrono::hours(1000);

/// What becomes of a ticket that was sealed with `key`: "newest", "older", or "gone".
std::string fate(TicketKeys& keys, const TicketKey& key, TimePoint now) {
  const auto found = keys.find(key.name.data(), now);
  if (!found) return "gone";
  EXPECT_EQ(found->key.name, key.name);
  EXPECT_EQ(found->key.cipher, key.cipher);
  EXPECT_EQ(found->key.mac, key.mac);
  return found->newest ? "newest" : "older";
}

TEST(TicketKeys, are_renewed_when_a_tickets_life_is_over) {
  TicketKeys keys(kLife);
  const TicketKey first = *keys.newest(kStart);
  EXPECT_EQ(keys.newest(kStart + kLife - 1s)->name, first.name);
  const TicketKey second = *keys.newest(kStart + kLife);
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.cipher, first.cipher);
  EXPECT_NE(second.mac, first.mac);
  EXPECT_EQ(fate(keys, second, kStart + kLife), "newest");
  EXPECT_EQ(fate(keys, first, kStart + kLife), "older") << "its tickets are good still";
  EXPECT_EQ(fate(keys, first, kStart + 2 * kLife - 1s), "older");
  EXPECT_EQ(fate(keys, first, kStart + 2 * kLife), "gone");
  EXPECT_EQ(fate(keys, second, kStart + 2 * kLife - 1s), "newest");
}

TEST(TicketKeys, open_what_they_sealed_also_when_nothing_is_sealed_any_more) {
  TicketKeys keys(kLife);
  const TicketKey only = *keys.newest(kStart);
  EXPECT_EQ(fate(keys, only, kStart + kLife), "older") << "to be replaced";
  EXPECT_EQ(fate(keys, only, kStart + 2 * kLife), "gone");
  EXPECT_NE(keys.newest(kStart + 3 * kLife)->name, only.name);
}

TEST(TicketKeys, behind_a_long_silence_the_one_before_is_not_kept) {
  TicketKeys keys(kLife);
  const TicketKey first = *keys.newest(kStart);
  const TicketKey second = *keys.newest(kStart + 5 * kLife);
  EXPECT_EQ(fate(keys, first, kStart + 5 * kLife), "gone");
  EXPECT_EQ(fate(keys, second, kStart + 5 * kLife), "newest");
}

TEST(TicketKeys, of_others_open_nothing) {
  TicketKeys keys(kLife);
  TicketKeys others(kLife);
  (void)keys.newest(kStart);
  EXPECT_EQ(fate(keys, *others.newest(kStart), kStart), "gone");
}

std::string ticket_of(const SSL_SESSION* session) {
  const unsigned char* ticket = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket(session, &ticket, &size);
  return {reinterpret_cast<const char*>(ticket), size};
}

/// Both ends in one thread, until they have shaken hands.
void shake_in_memory(SSL* server, SSL* client) {
  BIO* one = nullptr;
  BIO* other = nullptr;
  ASSERT_EQ(BIO_new_bio_pair(&one, 0, &other, 0), 1);
  SSL_set_bio(server, one, one);
  SSL_set_bio(client, other, other);
  SSL_set_accept_state(server);
  bool done = false;
  for (int i = 0; i < 10 && !done; ++i) {
    done = SSL_do_handshake(client) == 1;
    done = SSL_do_handshake(server) == 1 && done;
  }
  ASSERT_TRUE(done);
}

/// OpenSSL names its own key in every ticket that it seals itself.
TEST(TicketKeys, seal_what_a_listener_hands_out) {
  const TemporaryFolder folder;
  const Authority authority(folder);
  const Issued issued = authority.issue("server");
  config::Listener listener;
  listener.tls.emplace();
  listener.tls->certificates.push_back({issued.certificate, issued.key});
  net::FileReport report;
  const auto server = net::TlsServer::load(listener, report);
  ASSERT_NE(server, nullptr);
  const net::OpenSslPtr<SSL> ssl = server->make();
  SSL_set_msg_callback(ssl.get(), nullptr);  // It is for a TlsLayer.
  const net::OpenSslPtr<SSL> client(TlsPeer::client(authority.ca()).version(TLS1_2_VERSION).make());
  shake_in_memory(ssl.get(), client.get());
  const std::string ticket = ticket_of(SSL_get0_session(client.get()));
  ASSERT_GT(ticket.size(), TicketKey::kNameBytes);
  std::array<unsigned char, 80> own{};
  ASSERT_EQ(SSL_CTX_get_tlsext_ticket_keys(SSL_get_SSL_CTX(ssl.get()), own.data(), own.size()), 1);
  EXPECT_NE(std::memcmp(ticket.data(), own.data(), TicketKey::kNameBytes), 0);
}

class TlsTickets : public ::testing::TestWithParam<int> {
 protected:
  using Session = std::shared_ptr<SSL_SESSION>;

  std::string config(const std::string& client_ca = "", int workers = 1) const {
    return "workers: " + std::to_string(workers) +
           "\nlisteners: [{ address: \"127.0.0.1:0\", tls: { certificates: " + "[{ certificate: " + issued.certificate +
           ", key: " + issued.key + " }]" + (client_ca.empty() ? "" : ", client_ca: " + client_ca) +
           " } }]\nupstreams: { app: { url: \"" + backend.url() + "\" } }\nlog: { level: info, format: json }\n";
  }
  TlsPeer peer() const {
    TlsPeer made = TlsPeer::client(authority.ca()).version(GetParam());
    SSL_CTX_set_session_cache_mode(made.context(), SSL_SESS_CACHE_CLIENT);
    return made;
  }
  static RawConnection come(const Sidecar& sidecar, const TlsPeer& peer, const Session& session) {
    SSL* ssl = peer.make();
    // A copy: the client's library uses none twice.
    if (session) SSL_set_session(ssl, Session(SSL_SESSION_dup(session.get()), SSL_SESSION_free).get());
    RawConnection client = sidecar.connect();
    client.start_tls(ssl);
    return client;
  }
  /// TLS 1.3 sends its tickets behind the handshake, so a request has to be answered. Returns whom the log names.
  std::string exchange(Sidecar& sidecar, RawConnection& client) {
    const std::size_t before = sidecar.log_of("request").size();
    client.send(get("/"));
    RawConnection server = backend.accept();
    (void)server.read_head();
    server.send(ok("hello", "Connection: close\r\n"));
    EXPECT_EQ(read_response(client).body, "hello");
    std::size_t seen = 0;
    return text_of(sidecar.wait_for_log("request", [&](const auto&) { return seen++ == before; }), "id").substr(0, 8);
  }
  static Session session_of(const RawConnection& client) { return {SSL_get1_session(client.ssl()), SSL_SESSION_free}; }
  Session session_of_a_first_visit(Sidecar& sidecar, const TlsPeer& client) {
    RawConnection first = come(sidecar, client, nullptr);
    exchange(sidecar, first);
    return session_of(first);
  }
  static void reload(Sidecar& sidecar, const std::string& config) {
    const auto reloads = [&] {
      const auto lines = sidecar.log_of("message");
      return std::count_if(lines.begin(), lines.end(),
                           [](const auto& line) { return text_of(line, "message") == "configuration reloaded"; });
    };
    const auto before = reloads();
    sidecar.rewrite(config);
    sidecar.signal(SIGHUP);
    for (const auto start = Clock::now(); reloads() == before;) {
      if (since(start) > patience()) throw Failure("nothing comes of SIGHUP");
      std::this_thread::sleep_for(1ms);
    }
  }

  TemporaryFolder folder;
  Authority authority{folder};
  Issued issued = authority.issue("server");
  RawBackend backend;
};

TEST_P(TlsTickets, are_good_on_every_worker_for_two_hours) {
  Launch launch;
  launch.config = config("", 4);
  Sidecar sidecar(launch);
  const TlsPeer client = peer();
  RawConnection first = come(sidecar, client, nullptr);
  EXPECT_FALSE(SSL_session_reused(first.ssl()));
  std::set<std::string> workers{exchange(sidecar, first)};
  const Session session = session_of(first);
  EXPECT_EQ(SSL_SESSION_get_ticket_lifetime_hint(session.get()), 7200U);
  std::vector<RawConnection> all;  // Nobody leaves, so that one worker does not serve them all.
  for (int i = 0; i < 40 || (workers.size() < 2 && i < 400); ++i) {
    all.push_back(come(sidecar, client, session));
    EXPECT_TRUE(SSL_session_reused(all.back().ssl()));
    if (i % 10 == 0) workers.insert(exchange(sidecar, all.back()));
  }
  EXPECT_GE(workers.size(), 2U);
}

/// A client of TLS 1.3 uses each of them once.
TEST_P(TlsTickets, bring_the_next_one_where_they_are_used_once) {
  Launch launch;
  launch.config = config();
  Sidecar sidecar(launch);
  const TlsPeer client = peer();
  Session session = session_of_a_first_visit(sidecar, client);
  for (int i = 0; i < 3; ++i) {
    RawConnection next = come(sidecar, client, session);
    EXPECT_TRUE(SSL_session_reused(next.ssl())) << i;
    exchange(sidecar, next);
    Session brought = session_of(next);
    EXPECT_EQ(ticket_of(brought.get()) != ticket_of(session.get()), GetParam() == TLS1_3_VERSION) << i;
    session = std::move(brought);
  }
}

TEST_P(TlsTickets, are_worth_nothing_behind_a_reload) {
  Launch launch;
  launch.config = config();
  Sidecar sidecar(launch);
  const TlsPeer client = peer();
  const Session session = session_of_a_first_visit(sidecar, client);
  reload(sidecar, config());
  RawConnection second = come(sidecar, client, session);
  EXPECT_FALSE(SSL_session_reused(second.ssl())) << "keys are as old as the configuration at most";
  exchange(sidecar, second);
  RawConnection third = come(sidecar, client, session_of(second));
  EXPECT_TRUE(SSL_session_reused(third.ssl()));
  exchange(sidecar, third);
}

TEST_P(TlsTickets, that_were_changed_on_the_way_are_no_reason_to_refuse) {
  Launch launch;
  launch.config = config();
  Sidecar sidecar(launch);
  const TlsPeer client = peer();
  const Session session = session_of_a_first_visit(sidecar, client);
  const std::string genuine = ticket_of(session.get());
  unsigned char* bytes = nullptr;
  const int length = i2d_SSL_SESSION(session.get(), &bytes);
  ASSERT_GT(length, 0);
  std::string encoded(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  // A byte of the key's name, one of what is sealed, and one of the seal.
  for (const std::size_t at : {std::size_t{3}, genuine.size() / 2, genuine.size() - 1}) {
    std::string changed = genuine;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    std::string other = encoded;
    ASSERT_NE(other.find(genuine), std::string::npos);
    other.replace(other.find(genuine), genuine.size(), changed);
    const auto* from = reinterpret_cast<const unsigned char*>(other.data());
    const Session forged(d2i_SSL_SESSION(nullptr, &from, static_cast<long>(other.size())), SSL_SESSION_free);
    ASSERT_NE(forged, nullptr);
    RawConnection second = come(sidecar, client, forged);
    EXPECT_FALSE(SSL_session_reused(second.ssl())) << at;
    exchange(sidecar, second);
  }
}

TEST_P(TlsTickets, do_not_stand_in_for_a_certificate_of_another_authority) {
  const Authority newer(folder, "newer");
  Launch launch;
  launch.config = config(authority.ca());
  Sidecar sidecar(launch);
  TlsPeer client = peer();
  client.identify(authority.issue("friend"));
  RawConnection first = come(sidecar, client, nullptr);
  exchange(sidecar, first);
  RawConnection again = come(sidecar, client, session_of(first));
  EXPECT_TRUE(SSL_session_reused(again.ssl()));
  exchange(sidecar, again);
  const Session session = session_of(again);
  reload(sidecar, config(newer.ca()));
  const auto comes_in = [&] {
    try {
      RawConnection third = come(sidecar, client, session);
      return third.wait_end(300ms) == End::open;  // TLS 1.3: the client hears of it behind the handshake.
    } catch (const PeerGone&) {
      return false;
    }
  };
  EXPECT_FALSE(comes_in());
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsTickets, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "tls12" : "tls13"; });

}  // namespace
}  // namespace sidecar::nettest
