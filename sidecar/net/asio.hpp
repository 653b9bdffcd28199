#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace sidecar::net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

}  // namespace sidecar::net
