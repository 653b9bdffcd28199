#include "http/body_encoder.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sidecar::http {
namespace {

std::string written(const Output& out) {
  std::string all;
  for (std::size_t i = 0; i < out.pieces(); ++i) all.append(out.piece(i));
  return all;
}

TEST(BodyEncoder, Fields) {
  Output out;
  const Field fields[] = {{"A", "1"}, {"b", ""}};
  write_fields(fields, out);
  EXPECT_EQ(written(out), "A: 1\r\nb: \r\n");
}

TEST(BodyEncoder, ChunksAreWrittenWithTheirSize) {
  Output out;
  write_body("sixteen bytes!!!", true, out);
  write_body("x", true, out);
  write_body_end({}, true, out);
  EXPECT_EQ(written(out), "10\r\nsixteen bytes!!!\r\n1\r\nx\r\n0\r\n\r\n");
}

TEST(BodyEncoder, SmallChunksAreOnePieceAndGreatOnesAreNotCopied) {
  Output out;
  write_body(": heartbeat\n\n", true, out);
  EXPECT_EQ(out.pieces(), 1);
  const std::string great(4096, 'x');
  write_body(great, true, out);
  ASSERT_EQ(out.pieces(), 3);
  EXPECT_EQ(out.piece(1).data(), great.data());
  EXPECT_EQ(written(out), "d\r\n: heartbeat\n\n\r\n1000\r\n" + great + "\r\n");
}

TEST(BodyEncoder, AnEmptyPieceIsNoLastChunk) {
  Output out;
  write_body("", true, out);
  EXPECT_TRUE(out.empty());
}

TEST(BodyEncoder, OtherBodiesAreTheirBytes) {
  Output out;
  const Field trailer{"T", "1"};
  write_body("bytes", false, out);
  write_body_end({&trailer, 1}, false, out);
  EXPECT_EQ(written(out), "bytes");
}

TEST(BodyEncoder, TrailersStandBehindTheLastChunk) {
  Output out;
  const Field trailer{"T", "1"};
  write_body_end({&trailer, 1}, true, out);
  EXPECT_EQ(written(out), "0\r\nT: 1\r\n\r\n");
}

}  // namespace
}  // namespace sidecar::http
