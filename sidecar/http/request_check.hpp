#pragma once

#include <string_view>

#include "http/head.hpp"

/// What a request must be before anything is decided about it (RFC 9112 §3.2, RFC 9110 §7.2).
namespace sidecar::http {

/// A token that is not absurdly long.
[[nodiscard]] Refusal check_method(std::string_view method);

/// Some bytes, and none of them white space, a control or `#`. Which form it has is asked by check_request().
[[nodiscard]] Refusal check_target_bytes(std::string_view target);

/// Host, request target, Expect and field names that imitate others. Framing has its own check.
[[nodiscard]] Refusal check_request(const RequestHead& head);

/// `scheme://authority` of an absolute-form target taken off; every other form as it is (RFC 9112 §3.2.2).
struct TargetParts {
  std::string_view authority;  ///< Empty unless the target was in absolute-form.
  std::string_view target;     ///< origin-form or asterisk-form.
};
[[nodiscard]] TargetParts split_target(std::string_view target);

/// The host without its port, brackets kept: `[::1]:80` gives `[::1]`.
[[nodiscard]] std::string_view host_without_port(std::string_view authority);

}  // namespace sidecar::http
