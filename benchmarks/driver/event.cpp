#include "benchmarks/driver/event.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace sidecar::bench {

namespace {

constexpr std::size_t kStreamAt = 4;  // behind "id: "
constexpr std::size_t kStreamDigits = 8;
constexpr std::size_t kSequenceAt = kStreamAt + kStreamDigits + 1;
constexpr std::size_t kSequenceDigits = 10;
constexpr std::size_t kSentAt = kSequenceAt + kSequenceDigits + 7;  // behind "\ndata: "
constexpr std::size_t kSentDigits = 19;
constexpr std::size_t kFillAt = kSentAt + kSentDigits;

}  // namespace

void write_number(char* out, std::size_t digits, std::uint64_t value) {
  for (std::size_t i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

std::optional<std::uint64_t> read_number(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

EventFormat::EventFormat(std::size_t size) {
  if (size < kSmallest) throw std::invalid_argument("an event has at least 64 bytes");
  template_ = "id: 00000000-0000000000\ndata: 0000000000000000000 {\"job\":\"";
  constexpr std::string_view kFill = "the quick brown fox jumps over the lazy dog, ";
  while (template_.size() < size - 4) {
    template_.append(kFill.substr(0, std::min(kFill.size(), size - 4 - template_.size())));
  }
  template_ += "\"}\n\n";
}

void EventFormat::write(char* out, const EventNumbers& numbers) const {
  std::memcpy(out, template_.data(), template_.size());
  write_number(out + kStreamAt, kStreamDigits, numbers.stream);
  write_number(out + kSequenceAt, kSequenceDigits, numbers.sequence);
  write_number(out + kSentAt, kSentDigits, static_cast<std::uint64_t>(numbers.sent));
}

std::optional<EventNumbers> EventFormat::read(std::string_view bytes) const {
  const std::string_view expected = template_;
  const auto same = [&](std::size_t begin, std::size_t end) {
    return bytes.substr(begin, end - begin) == expected.substr(begin, end - begin);
  };
  if (bytes.size() != expected.size() || !same(0, kStreamAt) || !same(kStreamAt + kStreamDigits, kSequenceAt) ||
      !same(kSequenceAt + kSequenceDigits, kSentAt) || !same(kFillAt, expected.size())) {
    return std::nullopt;
  }
  const auto stream = read_number(bytes.substr(kStreamAt, kStreamDigits));
  const auto sequence = read_number(bytes.substr(kSequenceAt, kSequenceDigits));
  const auto sent = read_number(bytes.substr(kSentAt, kSentDigits));
  if (!stream || !sequence || !sent) return std::nullopt;
  return EventNumbers{static_cast<std::uint32_t>(*stream), *sequence, static_cast<Nanoseconds>(*sent)};
}

}  // namespace sidecar::bench
