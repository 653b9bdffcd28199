#pragma once

#include <cstdint>
#include <string_view>

namespace sidecar::exchange {

/// Theory of operation.
///
/// An Exchange is one request and its response. It is told what happened (on_*), and changes phase only in
/// exchange.cpp, only along the arrows of the table below. Every end, whatever its cause, goes through `closing`, which
/// remembers the reason, and is written down once, on the way to `done`.
///
///     idle ──request head──▶ connecting ──upstream ready──▶ awaiting ──final head──▶ responding | streaming
///      │                         ▲                            │   └─────101────────▶ tunnel
///      │                         └── pooled connection dead ──┘
///      └─ (and every other phase) ── an end ──▶ closing ── delivered, or nothing to deliver ──▶ done ──▶ idle
enum class Phase : std::uint8_t {
  idle,        ///< No request.
  connecting,  ///< The request head is in; no upstream connection yet. The head is kept.
  awaiting,    ///< The head has gone to the upstream; no final response head yet. The head is still kept.
  responding,  ///< An ordinary response is passing.
  streaming,   ///< An event stream is passing.
  tunnel,      ///< Switched protocols: bytes both ways.
  closing,     ///< The end and its reason are decided; delivered bytes may not have left yet.
  done,        ///< The record is written.
};

[[nodiscard]] std::string_view to_string(Phase phase);

/// The transition table.
[[nodiscard]] bool may_follow(Phase from, Phase to);

}  // namespace sidecar::exchange
