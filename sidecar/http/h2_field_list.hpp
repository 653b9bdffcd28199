#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.hpp"

namespace sidecar::http {

/// The fields of one section as they are decoded, pseudo-header fields included, never more than the limit that was
/// announced (SETTINGS_MAX_HEADER_LIST_SIZE). Compression lets few bytes decode to many: what counts are decoded ones.
class H2FieldList {
 public:
  void add(std::string_view name, std::string_view value, std::size_t size_max);

  /// It outgrew the limit: its fields are gone, and this is what to answer.
  [[nodiscard]] Refusal refusal() const { return refusal_; }
  /// Decoded bytes as they are counted for the limit (RFC 9113 §6.5.2), also of what was not kept.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// `:method` was HEAD; known also when the fields are gone.
  [[nodiscard]] bool of_head_request() const { return of_head_request_; }

  /// Gives everything up: `fields` lend from `text`, behind which `spare` bytes more can be appended without moving it.
  void unpack(std::size_t spare, std::string& text, std::vector<Field>& fields);

  [[nodiscard]] std::size_t memory() const { return text_.capacity() + sizes_.capacity() * sizeof(Sizes); }

 private:
  struct Sizes {
    std::uint32_t name;
    std::uint32_t value;
  };
  std::string text_;
  std::vector<Sizes> sizes_;
  std::size_t size_ = 0;
  Refusal refusal_;
  bool of_head_request_ = false;
};

}  // namespace sidecar::http
