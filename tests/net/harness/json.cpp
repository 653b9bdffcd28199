// Debian's Boost packages of the tests come without the compiled Boost.JSON: this is it.
#include <boost/json/src.hpp>
