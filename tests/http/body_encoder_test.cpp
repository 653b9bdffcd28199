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

TEST(BodyEncoder, ChunksThatLieThereAsTheyAreWrittenAreLentInOne) {
  const std::string received = "5\r\nhello\r\n3\r\nyou\r\n";
  const std::string_view view = received;
  Output out;
  const Output::Source source(out, view);
  write_body(view.substr(3, 5), true, out);
  write_body(view.substr(13, 3), true, out);
  EXPECT_EQ(written(out), received);
  ASSERT_EQ(out.pieces(), 1U);
  EXPECT_EQ(out.piece(0).data(), view.data());
}

/// Whatever part of whatever bytes is a body's piece: a source changes nothing about what is written.
TEST(BodyEncoder, ASourceChangesNoByte) {
  const std::string_view all = "zz5\r\nhello\r\n05\r\nhello\r\n5;x\r\nhello\r\nA\r\n0123456789\r\n1\r\nx\r\n5\r\nhel";
  for (std::size_t begin = 0; begin < all.size(); ++begin) {
    for (std::size_t end = begin; end <= all.size(); ++end) {
      const std::string received(all.substr(begin, end - begin));  // On the heap: a sanitizer sees where it ends.
      for (const std::size_t size : {1U, 3U, 5U, 10U}) {
        for (std::size_t at = 0; at + size <= received.size(); ++at) {
          const std::string_view piece = std::string_view(received).substr(at, size);
          Output with;
          Output without;
          const Output::Source source(with, received);
          write_body(piece, true, with);
          write_body(piece, true, without);
          ASSERT_EQ(with.joined(), without.joined()) << received << " at " << at;
        }
      }
    }
  }
}

TEST(BodyEncoder, WhatLiesElsewhereIsNoPartOfTheSource) {
  const std::string received = "5\r\nhello\r\n";
  const std::string other = "hello";
  Output out;
  {
    const Output::Source source(out, received);
    write_body(other, true, out);
  }
  write_body(std::string_view(received).substr(3, 5), true, out);  // It is not known any more what surrounds this.
  EXPECT_EQ(out.joined(), received + received);
  EXPECT_EQ(out.pieces(), 5U);
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
