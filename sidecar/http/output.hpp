#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http/arena.hpp"

namespace sidecar::http {

/// The bytes that one turn produces for one side, in order: pieces lent by the caller and pieces composed here. One
/// object a worker and side; the shell writes it out in one go and clears it before the turn's bytes go out of scope.
class Output {
 public:
  /// `bytes` must stay valid until clear(): received bytes or static ones. What lies behind the last piece extends it.
  void lend(std::string_view bytes) {
    if (bytes.empty()) return;
    if (!pieces_.empty() && pieces_.back().data != nullptr &&
        pieces_.back().data + pieces_.back().size == bytes.data()) {
      pieces_.back().size += bytes.size();
    } else {
      pieces_.push_back({bytes.data(), 0, bytes.size()});
    }
    size_ += bytes.size();
  }

  /// `parts` (string views and literals), one behind the other.
  template <class... Parts>
  void copy(const Parts&... parts) {
    const std::size_t offset = arena_.size();
    const std::size_t added = arena_.append(parts...);
    if (added == 0) return;
    if (!pieces_.empty() && pieces_.back().data == nullptr) {
      pieces_.back().size += added;
    } else {
      pieces_.push_back({nullptr, offset, added});
    }
    size_ += added;
  }

  void clear() {
    static constexpr std::size_t kArenaKept = 64 * 1024;
    pieces_.clear();
    arena_.clear(kArenaKept);
    size_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t pieces() const { return pieces_.size(); }
  [[nodiscard]] std::string_view piece(std::size_t index) const {
    const Piece& piece = pieces_[index];
    return piece.data != nullptr ? std::string_view(piece.data, piece.size) : arena_.view(piece.offset, piece.size);
  }

  /// All of it as one string: for tests.
  [[nodiscard]] std::string joined() const {
    std::string all;
    for (std::size_t i = 0; i < pieces_.size(); ++i) all.append(piece(i));
    return all;
  }

 private:
  struct Piece {
    const char* data;  ///< nullptr: in the arena, at `offset`.
    std::size_t offset;
    std::size_t size;
  };

  std::vector<Piece> pieces_;
  Arena arena_;
  std::size_t size_ = 0;
};

}  // namespace sidecar::http
