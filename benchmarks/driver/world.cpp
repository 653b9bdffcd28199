#include "benchmarks/driver/world.hpp"

#include <algorithm>
#include <stdexcept>

namespace sidecar::bench {

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr Nanoseconds kSettle = 5 * kSecond;
constexpr Nanoseconds kNotice = kSecond;  ///< For a proxy to notice by itself that its clients are gone.
constexpr Nanoseconds kBetweenEvents = 100 * kMillisecond;

}  // namespace

void Scene::on_end(Client& client, bool whole) {
  if (!client.was_open()) {
    ++world->tally.refused;
  } else if (!whole) {
    ++world->tally.cut;
  }
}

World::World(sockaddr_in proxy_address, std::uint16_t origin_port, std::size_t event_bytes, std::size_t count,
             bool with_tls)
    : format(event_bytes), origin(loop, origin_port, format, count), proxy(proxy_address), buffer(kReadBytes) {
  if (with_tls) tls = make_client_context();
  clients.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<Client>(*this, static_cast<std::uint32_t>(i)));
  }
}

void World::play(Scene& next) {
  scene = &next;
  next.world = this;
}

bool World::open_streams(std::size_t from, std::size_t to, std::size_t window, Nanoseconds deadline) {
  const std::uint64_t refused = tally.refused;
  const std::size_t before = open;
  std::size_t begun = from;
  const auto done = [&] {
    // Who has failed is no longer on the way; otherwise one refusal would stop all.
    while (begun < to && begun - from < open - before + (tally.refused - refused) + window) {
      clients[begun]->connect("/e/" + std::to_string(begun));
      ++begun;
    }
    return open - before + (tally.refused - refused) >= to - from;
  };
  return loop.run_until(done, deadline) && tally.refused == refused;
}

void World::settle() {
  const auto all_came = [this] {
    return std::ranges::all_of(clients, [this](const auto& client) {
      return client->state() != Client::State::open || client->expected() >= origin.next_sequence(client->number());
    });
  };
  loop.run_until(all_came, now_ns() + kSettle);
  for (const auto& client : clients) {
    if (!client->was_open()) continue;
    const std::uint64_t sent = origin.next_sequence(client->number());
    if (sent > client->expected()) tally.missing += sent - client->expected();
  }
}

std::size_t World::close_all() {
  const auto gone = [this] { return origin.open_streams() == 0; };
  // Until all have ended, or none has for so long.
  const auto wait = [&](Nanoseconds time) {
    for (std::size_t before = origin.open_streams() + 1; !gone() && origin.open_streams() < before;) {
      before = origin.open_streams();
      loop.run_until(gone, now_ns() + time);
    }
  };
  for (const auto& client : clients) client->close();
  wait(kNotice);
  const std::size_t kept = origin.open_streams();
  const Nanoseconds deadline = now_ns() + kSettle;
  while (!gone() && now_ns() < deadline) {
    for (std::uint32_t stream = 0; stream < clients.size(); ++stream) origin.send_event(stream);
    wait(kBetweenEvents);
  }
  if (!gone()) throw std::runtime_error("streams whose clients are gone do not end");
  return kept;
}

}  // namespace sidecar::bench
