#include "http/body_encoder.hpp"

#include <array>

#include "http/chunked.hpp"

namespace sidecar::http {

void write_fields(Fields fields, Output& out) {
  for (const Field& field : fields) out.copy(field.name, ": ", field.value, "\r\n");
}

void write_body(std::string_view bytes, bool chunked, Output& out) {
  if (bytes.empty()) return;
  if (!chunked) {
    out.lend(bytes);
    return;
  }
  static constexpr std::size_t kCopied = 128;  // To copy so few costs less than to hand the kernel three pieces.
  std::array<char, kChunkLineMax> buffer;      // Not zeroed: each chunk comes by.
  const std::string_view line(buffer.data(), write_chunk_line(bytes.size(), buffer.data()));
  if (bytes.size() <= kCopied) return out.copy(line, bytes, "\r\n");
  out.copy(line);
  out.lend(bytes);
  out.copy("\r\n");
}

void write_body_end(Fields trailers, bool chunked, Output& out) {
  if (!chunked) return;
  out.copy("0\r\n");
  write_fields(trailers, out);
  out.copy("\r\n");
}

}  // namespace sidecar::http
