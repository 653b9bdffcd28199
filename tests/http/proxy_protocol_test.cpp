#include "http/proxy_protocol.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/http/proxy_header_laws.hpp"
#include "tests/support/random_stream.hpp"

// Raw first bytes, each whole, byte by byte, and with something behind them.
namespace sidecar::http {
namespace {

using namespace std::string_literals;
using Status = ProxyHeader::Status;
using test::Random;

constexpr const char* kMalformed = "the line of the PROXY header is malformed";
constexpr const char* kNone = "the connection does not begin with a PROXY header";

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kV4 = "\xc0\x00\x02\x07\x0a\x00\x00\x01\xc8\xd4\x01\xbb"s;  // 192.0.2.7:51412 to 10.0.0.1:443
const std::string kV6 = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"s + std::string(15, '\0') + "\x01\x00\x50\x01\xbb"s;

/// Version and command, family and transport, and what follows the length.
std::string binary(int command, int transport, const std::string& block) {
  std::string bytes = kSignature;
  for (const std::size_t byte : {static_cast<std::size_t>(command), static_cast<std::size_t>(transport),
                                 block.size() >> 8, block.size() & 255}) {
    bytes += static_cast<char>(byte);
  }
  return bytes + block;
}

std::string extension(int type, const std::string& value) {
  const std::string start{static_cast<char>(type), static_cast<char>(value.size() >> 8),
                          static_cast<char>(value.size() & 255)};
  return start + value;
}

struct Good {
  std::string bytes;
  std::string source;
};

const std::vector<Good>& good() {
  static const std::string unix_ends = std::string("/run/client") + std::string(205, '\0');
  static const std::vector<Good> kGood = {
      {"PROXY TCP4 192.0.2.7 10.0.0.1 51412 443\r\n", "192.0.2.7:51412"},
      {"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0:0"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535"},
      {"PROXY TCP6 2001:db8::1 ::1 80 443\r\n", "[2001:db8::1]:80"},
      {"PROXY TCP6 2001:0DB8:0:0:0:0:0:1 :: 80 443\r\n", "[2001:db8::1]:80"},
      {"PROXY TCP6 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1 2\r\n", "[1:2:3:4:5:6:7:0]:1"},
      {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
      {"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.1 51412 443\r\n", "192.0.2.7:51412"},  // from dual-stack listeners
      {"PROXY UNKNOWN\r\n", ""},
      {"PROXY UNKNOWN \r\n", ""},
      {"PROXY UNKNOWN 192.0.2.7 10.0.0.1 51412 443\r\n", ""},
      {"PROXY UNKNOWN " + std::string(91, '?') + "\r\n", ""},  // 107 bytes
      {binary(0x21, 0x11, kV4), "192.0.2.7:51412"},
      {binary(0x21, 0x21, kV6), "[2001:db8::1]:80"},
      {binary(0x21, 0x31, unix_ends), ""},
      {binary(0x21, 0x00, ""), ""},
      {binary(0x21, 0x00, "\x01"), ""},
      {binary(0x20, 0x00, ""), ""},
      {binary(0x20, 0x11, kV4), ""},  // the proxy's own connection, e.g. a health check
      {binary(0x20, 0xff, "?"), ""},  // its family is ignored
      {binary(0x21, 0x11, kV4 + extension(0x04, "") + extension(0xe0, std::string(300, 'x'))), "192.0.2.7:51412"},
      {binary(0x21, 0x11, kV4 + extension(0x04, std::string(4096 - 16 - 12 - 3, 'x'))), "192.0.2.7:51412"},
      {binary(0x21, 0x21,
              "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"s + std::string(16, '\0') + "\xc8\xd4\x01\xbb"s),
       "192.0.2.7:51412"},
  };
  return kGood;
}

TEST(ProxyHeader, IsUnderstood) {
  for (const Good& one : good()) {
    for (const std::string behind : {"", "\n", "GET / HTTP/1.1\r\n\r\n", "PROXY UNKNOWN\r\n"}) {
      const ProxyHeader header = read_proxy_header(one.bytes + behind);
      EXPECT_EQ(header.status, Status::done) << ::testing::PrintToString(one.bytes) << ": " << header.why;
      EXPECT_EQ(header.size, one.bytes.size());
      EXPECT_EQ(header.source, one.source) << ::testing::PrintToString(one.bytes);
      EXPECT_EQ(test::check_proxy_header(one.bytes + behind), "") << ::testing::PrintToString(one.bytes);
    }
  }
}

TEST(ProxyHeader, IsIncompleteUntilItsLastByte) {
  for (const Good& one : good()) {
    for (std::size_t size = 0; size < one.bytes.size(); ++size) {
      ASSERT_EQ(read_proxy_header(std::string_view(one.bytes).substr(0, size)).status, Status::need_more)
          << size << " bytes of " << ::testing::PrintToString(one.bytes);
    }
  }
}

/// `at`: how many bytes are needed to know.
struct Bad {
  std::string bytes;
  std::size_t at;
  std::string why = kMalformed;
};

void expect_refused(const Bad& one) {
  const std::string shown = ::testing::PrintToString(one.bytes);
  ASSERT_LE(one.at, one.bytes.size()) << shown;
  EXPECT_EQ(read_proxy_header(std::string_view(one.bytes).substr(0, one.at - 1)).status, Status::need_more) << shown;
  const ProxyHeader header = read_proxy_header(std::string_view(one.bytes).substr(0, one.at));
  EXPECT_EQ(header.status, Status::error) << shown;
  EXPECT_EQ(header.why, one.why) << shown;
  EXPECT_EQ(test::check_proxy_header(one.bytes + "GET / HTTP/1.1\r\n\r\n"), "") << shown;
}

TEST(ProxyHeader, OtherProtocolsAreRefusedAtTheirFirstByte) {
  expect_refused({"GET / HTTP/1.1\r\n\r\n", 1, kNone});
  expect_refused({"POST / HTTP/1.1\r\n\r\n", 2, kNone});
  expect_refused({"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 3, kNone});
  expect_refused({"\x16\x03\x01\x02", 1, kNone});
  expect_refused({"\r\nGET / HTTP/1.1\r\n", 3, kNone});
  expect_refused({"\nPROXY", 1, kNone});
  expect_refused({" PROXY", 1, kNone});
  expect_refused({"proxy TCP4", 1, kNone});
  expect_refused({"PROXY\tTCP4", 6, kNone});
  expect_refused({"PROXY  TCP4", 7, kNone});
  expect_refused({"PROXY TCP5 ", 10, kNone});
  expect_refused({"PROXY TCP4\r\n", 11, kNone});
  expect_refused({"PROXY tcp4 ", 7, kNone});
  expect_refused({"PROXY UDP4 ", 8, kNone});
  expect_refused({"PROXY UNKNOWM\r\n", 13, kNone});
  expect_refused({"\r\n\r\n\0\r\nQUIT\r"s, 12, kNone});
}

TEST(ProxyHeader, LinesThatAreNotExactlyOne) {
  expect_refused({"PROXY UNKNOWNS\r\n", 14});
  expect_refused({"PROXY UNKNOWN\n", 14});
  expect_refused({"PROXY UNKNOWN \n", 15});
  expect_refused({"PROXY UNKNOWN \r\r\n", 16});
  expect_refused({"PROXY UNKNOWN " + std::string(92, '?') + "\r\n", 107});
  expect_refused({"PROXY UNKNOWN " + std::string(93, '?') + "\r\n", 107});
  expect_refused({"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", 31});
  expect_refused({"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX", 32});
  expect_refused({"PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n"s, 19});
  expect_refused({"PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n", 19});
  expect_refused({"PROXY TCP4 1.2.3.4%lo 5.6.7.8 1 2\r\n", 19});
  expect_refused({"PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", 28});
  expect_refused({"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n", 28});
  expect_refused({"PROXY TCP4 " + std::string(200, '1'), 107});
  for (const std::string ends :
       {"", "1.2.3.4 5.6.7.8 1", "1.2.3.4 5.6.7.8 1 ", "1.2.3.4 5.6.7.8  1 2", " 1.2.3.4 5.6.7.8 1 2",
        "1.2.3.4 5.6.7.8 1 2 ", "1.2.3.4 5.6.7.8 1 2 3", "1.2.3.4 5.6.7.8 1  2"}) {
    expect_refused({"PROXY TCP4 " + ends + "\r\n", 11 + ends.size() + 2});
  }
  for (const std::string port : {"01", "00", "65536", "99999", "111111", "1a", "1.0", ":1"}) {
    for (const std::string& ports : {port + " 2", "1 " + port}) {
      const std::string line = "PROXY TCP4 1.2.3.4 5.6.7.8 " + ports + "\r\n";
      expect_refused({line, line.size()});
    }
  }
}

TEST(ProxyHeader, AddressesThatAreNone) {
  for (const std::string address : {"1.2.3", "1.2.3.4.5", "1.2.3.04", "1.2.3.256", "1.2.3.", ".1.2.3.4", "1..2.3",
                                    "16909060", "1.2.3.a", "::1", "::ffff:1.2.3.4"}) {
    for (const std::string& ends : {address + " 1.2.3.4", "1.2.3.4 " + address}) {
      const std::string line = "PROXY TCP4 " + ends + " 1 2\r\n";
      expect_refused({line, line.size()});
    }
  }
  for (const std::string address :
       {":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "12345::", "1:", ":1",
        "1.2.3.4", "::1.2.3", "::1.2.3.04", "::1.2.3.4:5", "::ffff:1.2.3.256"}) {
    for (const std::string& ends : {address + " ::1", "::1 " + address}) {
      const std::string line = "PROXY TCP6 " + ends + " 1 2\r\n";
      expect_refused({line, line.size()});
    }
  }
}

TEST(ProxyHeader, BinaryOnesThatAreNone) {
  for (const int version : {0x01, 0x11, 0x31, 0xf1}) {
    expect_refused({binary(version, 0x11, kV4), 13, "the PROXY header has an unknown version"});
  }
  for (const int command : {0x22, 0x23, 0x2f}) {
    expect_refused({binary(command, 0x11, kV4), 13, "the PROXY header has an unknown command"});
  }
  // Datagrams, what is half unspecified, and what nobody knows.
  for (const int transport : {0x12, 0x22, 0x32, 0x01, 0x10, 0x20, 0x30, 0x13, 0x41, 0xff}) {
    expect_refused({binary(0x21, transport, kV4), 14, "the PROXY header has an unknown or unsuitable transport"});
  }
  expect_refused({binary(0x21, 0x11, kV4.substr(1)), 16, "the PROXY header is too short for its addresses"});
  expect_refused({binary(0x21, 0x21, kV6.substr(1)), 16, "the PROXY header is too short for its addresses"});
  expect_refused({binary(0x21, 0x31, std::string(215, 'x')), 16, "the PROXY header is too short for its addresses"});
  expect_refused({binary(0x21, 0x11, kV4 + std::string(4096 - 16 - 12 + 1, 'x')), 16, "the PROXY header is too long"});
  expect_refused({binary(0x20, 0x00, std::string(65535, 'x')), 16, "the PROXY header is too long"});
}

TEST(ProxyHeader, ExtensionsAreWhole) {
  const std::string noop = extension(0x04, "abc");
  for (std::size_t cut = 1; cut < noop.size(); ++cut) {
    const std::string bytes = binary(0x21, 0x11, kV4 + noop + noop.substr(0, cut));
    expect_refused({bytes, bytes.size(), "an extension of the PROXY header is cut off"});
  }
}

/// The header of kV4 with this sum, behind an extension and in front of another.
std::string summed(const std::string& sum) {
  return binary(0x21, 0x11, kV4 + extension(0x04, "x") + extension(0x03, sum) + extension(0xe0, "y"));
}

TEST(ProxyHeader, ASumIsChecked) {
  // Computed elsewhere, by a table-driven CRC32c that has the well-known e3069283 for "123456789".
  const std::string right = "\x29\x47\x16\x1f";
  EXPECT_EQ(read_proxy_header(summed(right)).source, "192.0.2.7:51412") << read_proxy_header(summed(right)).why;
  for (const std::string& wrong : {"\0\0\0\0"s, right.substr(0, 3), right + "x", ""s, "\x1f\x16\x47\x29"s}) {
    expect_refused({summed(wrong), summed(wrong).size(), "the checksum of the PROXY header is wrong"});
  }
  static constexpr std::size_t kItsType = 16 + 12 + 4;  // Damaged, there is no sum any more.
  for (std::size_t at = 16; at < summed(right).size(); ++at) {
    if (at == kItsType) continue;
    std::string damaged = summed(right);
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_EQ(read_proxy_header(damaged).status, Status::error) << "byte " << at;
  }
}

TEST(ProxyHeader, HoldsItsLawsWhateverIsDamaged) {
  std::size_t understood = 0;
  std::size_t refused = 0;
  static const std::string kDamage = "\r\n\0 \t:.019aAfFPTU\x11\x20\x21\x31\xff"s;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Random random(seed);
    std::string bytes = good()[random.below(good().size())].bytes + "GET /";
    for (std::size_t i = random.below(4); i > 0; --i) {
      const std::size_t at = random.below(std::min<std::size_t>(bytes.size(), 120));
      const char c = random.one_in(2) ? kDamage[random.below(kDamage.size())] : static_cast<char>(random.below(256));
      if (random.one_in(3)) {
        bytes.insert(at, 1, c);
      } else if (random.one_in(4)) {
        bytes.erase(at, 1);
      } else {
        bytes[at] = c;
      }
    }
    ASSERT_EQ(test::check_proxy_header(bytes), "") << "seed " << seed << ": " << ::testing::PrintToString(bytes);
    const Status status = read_proxy_header(bytes).status;
    if (status == Status::done) ++understood;
    if (status == Status::error) ++refused;
  }
  EXPECT_GT(understood, 5'000U);
  EXPECT_GT(refused, 5'000U);
}

}  // namespace
}  // namespace sidecar::http
