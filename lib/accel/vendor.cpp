// See the header.
#include "accel/vendor.hpp"
