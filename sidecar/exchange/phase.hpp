#pragma once

#include <cstdint>
#include <string_view>

namespace sidecar::exchange {

/// Theory of operation.
///
/// An Exchange is one request and its response. It is told what happened (on_*), and changes phase only in
/// exchange.cpp and exchange_rescue.cpp, only along the arrows of the table below. Every end, whatever its cause, goes
/// through `closing`, which remembers the reason, and is written down once, on the way to `done`.
///
///     idle ──request head──▶ connecting ──upstream ready──▶ awaiting ──final head──▶ responding | streaming
///      │                         ▲                            │   └─────101────────▶ tunnel
///      │                         └── pooled connection dead ──┘
///      └─ (and every other phase) ── an end ──▶ closing ── delivered, or nothing to deliver ──▶ done ──▶ idle
///
/// Only where a route opts in:
///
///     connecting | awaiting ── the backend is away ──▶ pausing ── the wait is over ──▶ connecting
///     awaiting ── an answer that is told as an event ──▶ explaining ── it was, and the client is held ──▶ holding
///     connecting | awaiting | pausing ── there is no answer, which is told as an event ──▶ holding
///
/// Whether the client has the head of an event stream is another question (`streams()`): where a route opts in, the
/// head goes out in `connecting`, `awaiting` or `pausing` already. From then on no answer of the backend can be passed
/// on but an event stream; what else comes is told as an event, if that is configured, and ends the stream.
enum class Phase : std::uint8_t {
  idle,        ///< No request.
  connecting,  ///< The request head is in; no upstream connection yet. The head is kept.
  awaiting,    ///< The head has gone to the upstream; no final response head yet. The head is still kept.
  pausing,     ///< The backend is away and will be asked again. There is no connection; the head is still kept.
  explaining,  ///< The client has a stream's head, the answer is none: its beginning is read, to be told as an event.
  holding,     ///< That was told; the client's stream is kept alive without a backend.
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
