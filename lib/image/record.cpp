// See the header.
#include "image/record.hpp"
