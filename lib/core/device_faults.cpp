// Accelerators that go out of service and come back. The node stays up; the device isn't given out
// any more, and the jobs that hold it are treated by the administrator's policy, once: when the
// fault becomes known. What is known stands in the node's record, so that a restart loads it.
#include <algorithm>

#include <fmt/core.h>

#include "core/cluster_state.hpp"
#include "model/gres.hpp"
#include "model/shards.hpp"

namespace sluice::core {

namespace {

void set_faults(std::vector<model::NodeGres>& all, const std::vector<DeviceFault>& faults) {
  for (model::NodeGres& gres : all) {
    for (model::Device& device : gres.devices) device.fault = Text();
    for (const DeviceFault& fault : faults) {
      const bool same = fault.name == gres.name && fault.type == gres.type;
      if (same && fault.index < gres.devices.size()) {
        gres.devices[fault.index].fault = fault.fault.empty() ? Text("unknown") : fault.fault;
      }
    }
  }
}

bool was_faulty(const std::vector<model::NodeGres>& before, const model::NodeGres& kind,
                std::size_t device) {
  return std::any_of(before.begin(), before.end(), [&](const model::NodeGres& gres) {
    return gres.name == kind.name && gres.type == kind.type && device < gres.devices.size() &&
           !gres.devices[device].fault.empty();
  });
}

bool holds_device(const model::Job& job, NodeIndex node, const model::NodeGres& kind,
                  std::uint32_t index) {
  for (const model::NodeShare& share : job.allocation->shares) {
    if (share.node != node) continue;
    return std::any_of(share.gres.begin(), share.gres.end(), [&](const model::GresShare& gres) {
      return model::may_hold(gres, kind) && index < gres.indices.size() && gres.indices.test(index);
    });
  }
  return false;
}

}  // namespace

void Cluster::State::on(const DevicesFaulty& event) {
  if (!known_node(event.node)) return;
  model::NodeFacts facts = nodes[event.node.value].record->facts;
  const std::vector<model::NodeGres> before = facts.gres;
  set_faults(facts.gres, event.faults);
  if (facts.gres == before) return;
  edit_node(event.node).facts = facts;
  pool.set_facts(event.node, facts);
  plan_needed = true;
  treat_faults(event.node, before);
}

// `before`: what was known until now. Jobs that hold a device with a new fault are hit.
void Cluster::State::treat_faults(NodeIndex index, const std::vector<model::NodeGres>& before) {
  const model::Node& node = edit_node(index);
  const std::vector<model::NodeGres> now = node.facts.gres;
  for (std::size_t n = 0; n < now.size(); ++n) {
    const std::uint32_t first = model::first_index(now, n);
    for (std::size_t d = 0; d < now[n].devices.size(); ++d) {
      const Text& fault = now[n].devices[d].fault;
      if (fault.empty() || was_faulty(before, now[n], d)) continue;
      const std::uint32_t number = first + static_cast<std::uint32_t>(d);
      const Text detail =
          fmt::format("device {} on {}: {}", model::device_label(now[n], number).view(),
                      node.name.view(), fault.view());
      const std::set<JobId> there = nodes[index.value].jobs;
      for (const JobId id : there) {
        if (!is_completing(job(id)) && holds_device(job(id), index, now[n], number)) {
          lose_device(id, index, detail);
        }
      }
    }
  }
}

void Cluster::State::lose_device(JobId id, NodeIndex node, const Text& detail) {
  model::Job& hit = edit(id);
  switch (settings->device_fault_policy) {
    case model::DeviceFaultPolicy::keep: hit.reason_detail = detail; return;
    case model::DeviceFaultPolicy::requeue: {
      hit.failed_node = nodes[node.value].record->name;
      const bool again = requeueable(hit);
      return end(id, {.state = model::JobState::node_fail,
                      .reason = model::Reason::node_fail,
                      .detail = detail,
                      .requeue = again});
    }
    case model::DeviceFaultPolicy::cancel:
      hit.failed_node = nodes[node.value].record->name;
      return end(id, {.state = model::JobState::failed,
                      .reason = model::Reason::system_failure,
                      .detail = detail});
  }
}

}  // namespace sluice::core
