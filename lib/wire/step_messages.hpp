// The step stream: what srun, the agents between, and stepd say to each other. The same messages
// travel on every hop: srun - agent of the job's first node (the step manager, "root") - a tree of
// agents - stepd. Upwards an agent merges what its children and its own stepd say; downwards it
// copies. Tasks are numbered over the whole step, nodes by their position in the step's node list.
//
// Output is numbered by offset. stepd keeps what srun has not acknowledged, and stops reading from
// a task when its window is full; after a broken hop an attach names the offsets to go on from, so
// nothing is lost or doubled. Input goes the other way by the same rule.
#pragma once

#include "wire/step_io_messages.hpp"
#include "wire/step_launch_messages.hpp"
#include "wire/step_life_messages.hpp"
#include "wire/step_query_messages.hpp"
