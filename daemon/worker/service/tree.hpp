// Tree: this agent's part in the tree of agents of each step. It starts the local stepd and the
// subtree below, passes up what they say (remembering what must survive a broken hop), and copies
// down what comes from above. A hop that breaks is opened again; the launch that is then repeated
// is the attach. What stays lost for too long counts as dead.
// It decides nothing about the step: that is the root's matter (Manager).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "daemon/worker/service/context.hpp"

namespace sluice::worker {

// Why a node's part of a step is over when its agent stays away.
inline constexpr std::string_view kNodeLost = "the node does not respond";

// StepProgress::phase when a node's image is there.
inline constexpr std::string_view kImageReady = "ready";

class Tree {
 public:
  // What has come up to the root: anything but fences and direct messages.
  using RootMessage =
      std::function<void(JobRun&, StepRun&, wire::MessageType, std::string_view payload)>;

  explicit Tree(Context& context) : context_(context) {}
  void on_root_message(RootMessage handler) { root_message_ = std::move(handler); }
  // A step was forgotten here; the job may now be at its end.
  void on_gone(std::function<void(const Attempt&)> handler) { gone_ = std::move(handler); }

  // The image of a step here is ready, or its part here is over.
  void on_image_news(std::function<void(const StepKey&)> handler) {
    image_news_ = std::move(handler);
  }

  // Takes the step into the job, with its layout, and starts it here and below.
  StepRun& start(JobRun& job, StepRun step, std::string script, const Uid128& request = {});
  // Takes over a step that ran before this daemon started.
  StepRun& adopt(JobRun& job, StepRun step);
  // Another agent's launch: new, or a repeated one (attach).
  void launched(JobRun& job, StreamId parent, const wire::LaunchStep& launch);

  void on_stepd_frame(StepdId stepd, wire::MessageType type, std::string_view payload);
  void on_stepd_closed(StepdId stepd);
  void on_child_frame(const StepKey& key, wire::MessageType type, std::string_view payload);
  void on_child_closed(const StepKey& key, StreamId stream);
  void on_parent_closed(const StepKey& key, StreamId stream);

  // From above (parent, srun or the root's own decisions) to this node and the subtree.
  void down(StepRun& step, wire::MessageType type, std::string_view payload);
  template <class Message>
  void down(StepRun& step, const Message& message) {
    down(step, Message::kType, wire::encode(message));
  }
  // The controller says that nothing more will come from this node: it isn't waited for.
  void lose(JobRun& job, StepRun& step, std::uint32_t node);
  // To the local stepd alone.
  void signal_here(StepRun& step, std::uint32_t signal, std::uint32_t task = model::kNoTask);
  void tell_here(StepRun& step, const Text& text);
  // The root has taken the results of these nodes, or of all: they may be forgotten.
  void acknowledge(JobRun& job, StepRun& step, std::uint32_t node);
  void acknowledge_all(JobRun& job, StepRun& step);
  // Ends the step's presence here, whatever state it is in. `step` is gone afterwards.
  void drop(JobRun& job, StepNumber number);

 private:
  // Finds out whether this node has tasks of the step itself.
  bool is_member(StepRun& step) const;
  void open_children(JobRun& job, StepRun& step);
  void open_child(JobRun& job, StepRun& step, Child& child);
  void retry_child(const StepKey& key, std::uint32_t first);
  void give_up(JobRun& job, StepRun& step, std::size_t child);
  void lose_node(JobRun& job, StepRun& step, std::uint32_t node, const Text& why);
  void reap(const StepKey& key, std::uint32_t tries);

  [[nodiscard]] Text image_source(const StepRun& step) const;
  void note_image(const StepKey& key, StepRun& step, std::string_view payload);
  void take(JobRun& job, StepRun& step, wire::MessageType type, std::string_view payload);
  void take_started(JobRun& job, StepRun& step, std::string_view payload);
  void take_exit(JobRun& job, StepRun& step, std::string_view payload);
  void take_done(JobRun& job, StepRun& step, std::string_view payload);
  void take_fence(JobRun& job, StepRun& step, std::string_view payload);
  void take_direct(StepRun& step, std::string_view payload);
  void up(JobRun& job, StepRun& step, wire::MessageType type, std::string_view payload);
  template <class Message>
  void up(JobRun& job, StepRun& step, const Message& message) {
    up(job, step, Message::kType, wire::encode(message));
  }
  void to_node(StepRun& step, std::uint32_t node, wire::MessageType type, std::string_view payload);
  void to_all(StepRun& step, wire::MessageType type, std::string_view payload);
  void forget_if_settled(JobRun& job, StepRun& step);

  Context& context_;
  RootMessage root_message_;
  std::function<void(const Attempt&)> gone_;
  std::function<void(const StepKey&)> image_news_;
};

// Numbers the tasks' nodes from the layout; false if the layout contradicts itself.
[[nodiscard]] bool index_layout(StepRun& step);

}  // namespace sluice::worker
