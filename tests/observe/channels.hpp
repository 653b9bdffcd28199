#pragma once

#include <cstddef>
#include <string>

/// Descriptors of every kind that a log may be given, and their readers.
namespace sidecar::observe::test {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  [[nodiscard]] int get() const { return fd_; }
  int release();
  void close();

 private:
  int fd_;
};

/// What a writer writes to and a reader reads from.
struct Channel {
  Fd reader;
  Fd writer;
};

Channel make_pipe();      ///< Holds 4096 bytes.
Channel make_socket();    ///< A connected pair.
Channel make_terminal();  ///< Writer: the terminal. Reader: its master.
Fd make_file();           ///< Without a name, opened without O_APPEND.

/// Writes until nothing more fits, without touching the descriptor's own flags; how many bytes it took.
std::size_t fill(const Channel& channel);

bool is_nonblocking(const Fd& fd);

/// All that is there now.
std::string read_available(const Fd& reader);
/// Up to the end that comes when the last writer closes.
std::string read_to_end(const Fd& reader);
/// A file from its beginning, whatever its offset.
std::string contents(const Fd& file);

}  // namespace sidecar::observe::test
