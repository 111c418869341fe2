// CPU binding: see the header. CPUs are handed out in "grains" (a thread, or a whole core with the
// threads of the share) that hang in a tree of sockets and cores; a level of the tree gives its
// grains to tasks in one of three ways (block, cyclic, fcyclic), the same code for both levels.
#include "daemon/stepd/binding.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "daemon/stepd/bind_list.hpp"

namespace sluice::stepd {
namespace {

using base::Bitmap;
using model::CpuBind;
using worker::CoreSpread;

struct Geometry {
  const NodeShare& share;
  std::size_t core_of(std::size_t cpu) const { return cpu / share.threads; }
  std::size_t socket_of(std::size_t cpu) const { return cpu / share.threads / share.cores; }
  std::size_t ldom_of(std::size_t cpu) const {
    return cpu < share.ldom.size() ? share.ldom[cpu] : socket_of(cpu);
  }
};

// The share, less the threads of each core that the request doesn't want.
Bitmap usable_cpus(const NodeShare& share, const BindingRequest& request) {
  std::uint32_t limit = request.no_multithread ? 1 : request.threads_per_core;
  if (limit == 0) limit = share.threads;
  Bitmap result(share.cpus.size());
  const Geometry geometry{share};
  std::size_t core = Bitmap::npos;
  std::uint32_t taken = 0;
  share.cpus.for_each([&](std::size_t cpu) {
    if (geometry.core_of(cpu) != core) taken = 0;
    core = geometry.core_of(cpu);
    if (taken++ < limit) result.set(cpu);
  });
  return result;
}

struct UnitCounts {
  std::size_t sockets = 0;
  std::size_t cores = 0;
  std::size_t threads = 0;
};

UnitCounts count_units(const NodeShare& share, const Bitmap& cpus) {
  UnitCounts counts;
  const Geometry geometry{share};
  std::size_t core = Bitmap::npos;
  std::size_t socket = Bitmap::npos;
  cpus.for_each([&](std::size_t cpu) {
    ++counts.threads;
    if (geometry.core_of(cpu) != core) ++counts.cores;
    if (geometry.socket_of(cpu) != socket) ++counts.sockets;
    core = geometry.core_of(cpu);
    socket = geometry.socket_of(cpu);
  });
  return counts;
}

// --- Handing out -------------------------------------------------------------------------------

// A level of the tree. A leaf has grains; an inner one has children.
struct Level {
  CoreSpread how = CoreSpread::block;
  std::vector<Level> children;
  std::vector<Bitmap> grains;  // of a leaf, in the order in which they go
  std::size_t next_grain = 0;
  std::size_t cursor = 0;  // child that is next for cyclic and fcyclic
  std::size_t left = 0;    // grains not given yet, here and below

  void give(std::size_t count, Bitmap& to);
  std::size_t child_with(std::size_t count) const;
};

// From the cursor on: the first child that has `count` grains, else the first that has any.
std::size_t Level::child_with(std::size_t count) const {
  std::size_t any = children.size();
  const std::size_t start = how == CoreSpread::block ? 0 : cursor;
  for (std::size_t i = 0; i < children.size(); ++i) {
    const std::size_t at = (start + i) % children.size();
    if (children[at].left >= count) return at;
    if (any == children.size() && children[at].left > 0) any = at;
  }
  return any;
}

void Level::give(std::size_t count, Bitmap& to) {
  left -= count;
  if (children.empty()) {
    for (; count > 0; --count) to |= grains[next_grain++];
    return;
  }
  while (count > 0) {
    const std::size_t wanted = how == CoreSpread::cyclic ? count : 1;
    const std::size_t at = child_with(wanted);
    const std::size_t take = how == CoreSpread::fcyclic ? 1 : std::min(count, children[at].left);
    children[at].give(take, to);
    count -= take;
    cursor = (at + 1) % children.size();
  }
}

enum class Grain : std::uint8_t { thread = 0, core = 1 };

Level make_tree(const NodeShare& share, const Bitmap& cpus, const BindingRequest& request,
                Grain grain) {
  const auto resolve = [](CoreSpread asked, CoreSpread otherwise) {
    return asked == CoreSpread::automatic ? otherwise : asked;
  };
  Level root;
  root.how = resolve(request.distribution.sockets, CoreSpread::cyclic);
  const CoreSpread cores_how = resolve(request.distribution.cores, root.how);
  const Geometry geometry{share};
  std::size_t socket = Bitmap::npos;
  std::size_t core = Bitmap::npos;
  cpus.for_each([&](std::size_t cpu) {
    if (geometry.socket_of(cpu) != socket) {
      root.children.push_back(Level{cores_how, {}, {}, 0, 0, 0});
    }
    Level& in_socket = root.children.back();
    const bool new_core = geometry.core_of(cpu) != core;
    if (new_core) in_socket.children.emplace_back();
    Level& in_core = in_socket.children.back();
    socket = geometry.socket_of(cpu);
    core = geometry.core_of(cpu);
    if (grain == Grain::core && !new_core) {
      in_core.grains.back().set(cpu);
      return;
    }
    in_core.grains.emplace_back(cpus.size()).set(cpu);
    ++in_core.left;
    ++in_socket.left;
    ++root.left;
  });
  return root;
}

// All CPUs of `cpus` that share a core, socket or locality domain with one of `part`.
Bitmap widen(const NodeShare& share, const Bitmap& cpus, const Bitmap& part, CpuBind kind) {
  if (kind == CpuBind::threads) return part;
  const Geometry geometry{share};
  const auto unit = [&](std::size_t cpu) {
    if (kind == CpuBind::cores) return geometry.core_of(cpu);
    return kind == CpuBind::sockets ? geometry.socket_of(cpu) : geometry.ldom_of(cpu);
  };
  std::vector<std::size_t> units;
  part.for_each([&](std::size_t cpu) { units.push_back(unit(cpu)); });
  Bitmap result(cpus.size());
  cpus.for_each([&](std::size_t cpu) {
    if (std::find(units.begin(), units.end(), unit(cpu)) != units.end()) result.set(cpu);
  });
  return result;
}

Binding share_binding(const NodeShare& share, const Bitmap& cpus, std::uint32_t tasks) {
  Binding binding;
  binding.masks.assign(tasks, cpus);
  binding.one_for_all = true;
  binding.kind = cpus.all() && share.cpus.all() ? CpuBind::none : CpuBind::mask;
  return binding;
}

CpuBind automatic_unit(const UnitCounts& units, std::size_t wanted) {
  if (wanted == units.sockets) return CpuBind::sockets;
  if (wanted == units.cores) return CpuBind::cores;
  if (wanted == units.threads) return CpuBind::threads;
  return CpuBind::none;
}

Result<Binding> bind_units(const NodeShare& share, const BindingRequest& request,
                           const Bitmap& cpus) {
  const UnitCounts units = count_units(share, cpus);
  const std::size_t each = std::max(request.cpus_per_task, 1U);
  const std::size_t wanted = each * request.tasks;
  const bool asked = request.kind != CpuBind::automatic;
  const CpuBind kind = asked ? request.kind : automatic_unit(units, wanted);
  if (kind == CpuBind::none) return share_binding(share, cpus, request.tasks);
  if (wanted > units.threads) {
    if (request.overcommit) return share_binding(share, cpus, request.tasks);
    return fail(ErrorCode::invalid_argument,
                fmt::format("Unable to satisfy cpu bind request: {} CPUs for {} tasks of {}",
                            units.threads, request.tasks, each));
  }
  // Whole cores for each task as long as there are enough: two tasks on one core come last.
  const bool by_core = kind != CpuBind::threads && wanted <= units.cores;
  Level tree = make_tree(share, cpus, request, by_core ? Grain::core : Grain::thread);
  Binding binding;
  binding.kind = CpuBind::mask;
  for (std::uint32_t task = 0; task < request.tasks; ++task) {
    Bitmap own(cpus.size());
    tree.give(each, own);
    binding.masks.push_back(widen(share, cpus, own, kind));
  }
  return binding;
}

Result<Binding> bind_by_rank(const NodeShare& share, const BindingRequest& request,
                             const Bitmap& cpus) {
  if (!share.cpus.all()) {
    return fail(ErrorCode::invalid_argument, "Entire node must be allocated for rank");
  }
  const auto list = cpus.members();
  Binding binding;
  binding.kind = CpuBind::rank;
  for (std::uint32_t task = 0; task < request.tasks; ++task) {
    Bitmap own(cpus.size());
    own.set(list[task % list.size()]);
    binding.masks.push_back(std::move(own));
  }
  return binding;
}

}  // namespace

Result<Binding> bind_tasks(const NodeShare& share, const BindingRequest& request) {
  const Bitmap cpus = usable_cpus(share, request);
  if (cpus.none() || request.tasks == 0) {
    return fail(ErrorCode::invalid_argument, "no CPU, or no task, to bind");
  }
  switch (request.kind) {
    case CpuBind::none: return share_binding(share, cpus, request.tasks);
    case CpuBind::rank: return bind_by_rank(share, request, cpus);
    case CpuBind::map:
    case CpuBind::mask: return bind_by_list(share, request);
    case CpuBind::automatic:
    case CpuBind::threads:
    case CpuBind::cores:
    case CpuBind::sockets:
    case CpuBind::ldoms: return bind_units(share, request, cpus);
  }
  return fail(ErrorCode::invalid_argument, "an unknown kind of binding");
}

}  // namespace sluice::stepd
