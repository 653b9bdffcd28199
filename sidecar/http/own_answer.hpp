#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "http/message_sink.hpp"

/// Answers of our own: short, honest, and never mistaken for the backend's.
namespace sidecar::http {

struct OwnAnswer {
  int status = 0;
  std::string_view reason_class;        ///< e.g. "connection refused": a class, never an address.
  std::string_view upstream;            ///< Configured name; empty when no upstream is involved.
  bool json = false;                    ///< The client prefers JSON.
  std::chrono::seconds retry_after{0};  ///< 0: nothing is said about it.
  Fields more{};                        ///< Further fields of its head.
};

[[nodiscard]] std::string_view reason_phrase(int status);

/// Head, body and end. `body` is where the body is composed; it must live until the turn's output has been written.
void write_own_answer(const OwnAnswer& answer, std::string& body, ResponseSink& sink);

}  // namespace sidecar::http
