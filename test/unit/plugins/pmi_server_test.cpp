// The PMI server, spoken to as MPICH's client library does, in both protocols and over two nodes.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include "plugins/mpi/pmi/server.hpp"

namespace sluice::mpi_pmi {
namespace {

// Two nodes of two tasks; what they send each other is carried at once.
class World {
 public:
  World() {
    for (std::uint32_t node = 0; node < 2; ++node) {
      Step step;
      step.name = "kvs";
      step.node = node;
      step.node_count = 2;
      step.task_node = {0, 0, 1, 1};
      step.local_ranks = {2 * node, 2 * node + 1};
      step.universe = 8;
      Outside outside;
      outside.fence = [this, node](std::uint64_t id, const std::string& changes) {
        parts_[id][node] = changes;
        if (parts_[id].size() < 2) return;
        const std::string all = parts_[id][0] + parts_[id][1];
        ready_.emplace_back(id, all);
      };
      outside.abort = [this](std::uint32_t rank, int code, const std::string& message) {
        aborts.push_back(std::to_string(rank) + ':' + std::to_string(code) + ':' + message);
      };
      outside.initialized = [this](std::uint32_t rank) { initialized.push_back(rank); };
      outside.finalized = [this](std::uint32_t rank) { finalized.push_back(rank); };
      servers_.emplace_back(step, outside);
    }
  }

  // Sends as the rank and returns what it is answered at once.
  std::string say(std::uint32_t rank, std::string_view text) {
    status = servers_[rank / 2].receive(rank % 2, text);
    for (const auto& [id, changes] : std::exchange(ready_, {})) {
      for (Server& server : servers_) server.fence_done(id, changes);
    }
    return hear(rank);
  }
  std::string hear(std::uint32_t rank) {
    return std::exchange(servers_[rank / 2].output(rank % 2), {});
  }
  std::string say2(std::uint32_t rank, std::string_view body) {
    return say(rank, fmt::format("{:6}{}", body.size(), body));
  }

  Status status;
  std::vector<std::string> aborts;
  std::vector<std::uint32_t> initialized;
  std::vector<std::uint32_t> finalized;

 private:
  std::vector<Server> servers_;
  std::map<std::uint64_t, std::map<std::uint32_t, std::string>> parts_;
  std::vector<std::pair<std::uint64_t, std::string>> ready_;
};

constexpr const char* kInit1 = "cmd=init pmi_version=1 pmi_subversion=1\n";
constexpr const char* kInit2 = "cmd=init pmi_version=2 pmi_subversion=0\n";

TEST(Pmi1, AClientsWholeLife) {
  World world;
  for (std::uint32_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(world.say(rank, kInit1),
              "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n");
    EXPECT_EQ(world.say(rank, "cmd=get_maxes\n"),
              "cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024\n");
    EXPECT_EQ(world.say(rank, "cmd=get_appnum\n"), "cmd=appnum appnum=0\n");
    EXPECT_EQ(world.say(rank, "cmd=get_my_kvsname\n"), "cmd=my_kvsname kvsname=kvs\n");
    EXPECT_EQ(world.say(rank, "cmd=get_universe_size\n"), "cmd=universe_size size=8\n");
    EXPECT_EQ(world.say(rank, "cmd=get kvsname=kvs key=PMI_process_mapping\n"),
              "cmd=get_result rc=0 msg=success value=(vector,(0,2,2))\n");
    const std::string put = fmt::format("cmd=put kvsname=kvs key=P{} value=card-{}\n", rank, rank);
    EXPECT_EQ(world.say(rank, put), "cmd=put_result rc=0 msg=success\n");
  }
  EXPECT_EQ(world.say(0, "cmd=barrier_in\n"), "");
  EXPECT_EQ(world.say(3, "cmd=barrier_in\n"), "");
  EXPECT_EQ(world.say(1, "cmd=barrier_in\n"), "");
  EXPECT_EQ(world.say(2, "cmd=barrier_in\n"), "cmd=barrier_out\n");
  for (const std::uint32_t rank : {0U, 1U, 3U}) EXPECT_EQ(world.hear(rank), "cmd=barrier_out\n");
  EXPECT_EQ(world.say(0, "cmd=get kvsname=kvs key=P3\n"),
            "cmd=get_result rc=0 msg=success value=card-3\n");
  EXPECT_EQ(world.say(3, "cmd=get kvsname=kvs key=nothing\n"),
            "cmd=get_result rc=-1 msg=key_not_found value=unknown\n");
  EXPECT_EQ(world.say(2, "cmd=finalize\n"), "cmd=finalize_ack\n");
  EXPECT_EQ(world.initialized.size(), 4U);
  EXPECT_EQ(world.finalized, std::vector<std::uint32_t>{2});
}

TEST(Pmi1, BytesMayComeInAnyPieces) {
  World world;
  std::string answer;
  for (const char letter : std::string(kInit1) + "cmd=get_appnum\n") {
    answer += world.say(1, {&letter, 1});
  }
  EXPECT_EQ(answer,
            "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n"
            "cmd=appnum appnum=0\n");
}

TEST(Pmi1, AbortAndWhatIsNotOffered) {
  World world;
  world.say(1, kInit1);
  world.say(1, "cmd=abort exitcode=7\n");
  EXPECT_EQ(world.aborts, std::vector<std::string>{"1:7:MPI_Abort"});
  EXPECT_EQ(world.say(1, "mcmd=spawn\nnprocs=1\nexecname=x\nendcmd\n"),
            "cmd=spawn_result rc=-1 msg=not_supported\n");
  EXPECT_EQ(world.say(1, "cmd=lookup_name service=x\n"), "cmd=lookup_result info=not_found\n");
  const std::string long_value(2000, 'x');
  EXPECT_EQ(world.say(1, "cmd=put kvsname=kvs key=a value=" + long_value + "\n"),
            "cmd=put_result rc=-1 msg=too_long\n");
}

TEST(Pmi2, AClientsWholeLife) {
  World world;
  for (std::uint32_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(world.say(rank, kInit2),
              "cmd=response_to_init pmi_version=2 pmi_subversion=0 rc=0\n");
    const std::string init =
        world.say2(rank, "cmd=fullinit;pmijobid=7.0;pmirank=0;threaded=FALSE;");
    EXPECT_EQ(init.substr(6), fmt::format("cmd=fullinit-response;pmi-version=2;pmi-subversion=0;"
                                          "rank={};size=4;appnum=0;debugged=FALSE;pmiverbose=FALSE;"
                                          "rc=0;",
                                          rank));
    EXPECT_EQ(std::stoul(init.substr(0, 6)), init.size() - 6);
    EXPECT_EQ(world.say2(rank, fmt::format("cmd=kvs-put;key=P{};value=a;;b;", rank)).substr(6),
              "cmd=kvs-put-response;rc=0;");
  }
  EXPECT_EQ(world.say2(0, "cmd=job-getid;").substr(6), "cmd=job-getid-response;jobid=kvs;rc=0;");
  EXPECT_EQ(world.say2(0, "cmd=info-getjobattr;key=PMI_process_mapping;").substr(6),
            "cmd=info-getjobattr-response;found=TRUE;value=(vector,(0,2,2));rc=0;");
  EXPECT_EQ(world.say2(0, "cmd=info-getjobattr;key=universeSize;").substr(6),
            "cmd=info-getjobattr-response;found=TRUE;value=8;rc=0;");
  EXPECT_EQ(world.say2(0, "cmd=info-getjobattr;key=hasNameServ;").substr(6),
            "cmd=info-getjobattr-response;found=FALSE;rc=0;");
  EXPECT_EQ(world.say2(0, "cmd=kvs-fence;thrid=5;"), "");
  for (const std::uint32_t rank : {1U, 2U}) EXPECT_EQ(world.say2(rank, "cmd=kvs-fence;"), "");
  EXPECT_EQ(world.say2(3, "cmd=kvs-fence;").substr(6), "cmd=kvs-fence-response;rc=0;");
  EXPECT_EQ(world.hear(0).substr(6), "cmd=kvs-fence-response;thrid=5;rc=0;");
  for (const std::uint32_t rank : {1U, 2U}) {
    EXPECT_EQ(world.hear(rank).substr(6), "cmd=kvs-fence-response;rc=0;");
  }
  EXPECT_EQ(world.say2(0, "cmd=kvs-get;jobid=kvs;srcid=3;key=P3;").substr(6),
            "cmd=kvs-get-response;found=TRUE;value=a;;b;rc=0;");
  EXPECT_EQ(world.say2(0, "cmd=kvs-get;key=none;").substr(6),
            "cmd=kvs-get-response;found=FALSE;rc=0;");
  EXPECT_EQ(world.say2(1, "cmd=finalize;").substr(6), "cmd=finalize-response;rc=0;");
  EXPECT_EQ(world.finalized, std::vector<std::uint32_t>{1});
}

TEST(Pmi2, NodeAttributesAreWaitedFor) {
  World world;
  for (const std::uint32_t rank : {0U, 1U}) {
    world.say(rank, kInit2);
    world.say2(rank, "cmd=fullinit;");
  }
  EXPECT_EQ(world.say2(0, "cmd=info-getnodeattr;key=shm;wait=FALSE;").substr(6),
            "cmd=info-getnodeattr-response;found=FALSE;rc=0;");
  EXPECT_EQ(world.say2(0, "cmd=info-getnodeattr;key=shm;wait=TRUE;thrid=9;"), "");
  EXPECT_EQ(world.say2(1, "cmd=info-putnodeattr;key=shm;value=/x;").substr(6),
            "cmd=info-putnodeattr-response;rc=0;");
  EXPECT_EQ(world.hear(0).substr(6),
            "cmd=info-getnodeattr-response;thrid=9;found=TRUE;value=/x;rc=0;");
  EXPECT_EQ(world.say2(0, "cmd=info-getnodeattr;key=shm;wait=TRUE;").substr(6),
            "cmd=info-getnodeattr-response;found=TRUE;value=/x;rc=0;");
  EXPECT_EQ(world.say2(0, "cmd=spawn;ncmds=1;").substr(6),
            "cmd=spawn-response;rc=-1;errmsg=not supported;");
  world.say2(1, "cmd=abort;isworld=TRUE;msg=bad;");
  EXPECT_EQ(world.aborts, std::vector<std::string>{"1:1:bad"});
}

TEST(Pmi, NonsenseEndsTheConversation) {
  const auto fails = [](std::string_view first, std::string_view then) {
    World world;
    world.say(0, first);
    if (!then.empty()) world.say(0, then);
    return !world.status.has_value() && world.status.error().code == ErrorCode::protocol;
  };
  EXPECT_TRUE(fails("cmd=get_maxes\n", ""));
  EXPECT_TRUE(fails("hello\n", ""));
  EXPECT_TRUE(fails(std::string(70'000, 'x'), ""));
  EXPECT_TRUE(fails(kInit1, "cmd=unknown\n"));
  EXPECT_TRUE(fails(kInit2, "abcdef"));
  EXPECT_TRUE(fails(kInit2, "999999"));
  EXPECT_TRUE(fails(kInit2, "     4cmdx"));
  EXPECT_TRUE(fails(kInit2, "     8cmd=new;"));
  EXPECT_FALSE(fails(kInit1, "cmd=get_maxes\n"));
}

TEST(ProcessMapping, InMpichsNotation) {
  EXPECT_EQ(process_mapping({0, 0, 1, 1}), "(vector,(0,2,2))");
  EXPECT_EQ(process_mapping({0, 1, 2, 0, 1, 2}), "(vector,(0,3,1))");
  EXPECT_EQ(process_mapping({0, 0, 1}), "(vector,(0,1,2),(1,1,1))");
  EXPECT_EQ(process_mapping({1, 0}), "(vector,(1,1,1),(0,1,1))");
  EXPECT_EQ(process_mapping({0}), "(vector,(0,1,1))");
  std::vector<unsigned> wild;
  for (unsigned i = 0; i < 1000; ++i) wild.push_back(i * 7919 % 1000);
  EXPECT_EQ(process_mapping(wild), "");
}

TEST(Kvs, CarriesOnlyWhatIsNew) {
  Kvs kvs;
  kvs.preset("a", "1");
  kvs.put("b", "2");
  const std::string changes = kvs.take_changes();
  EXPECT_EQ(kvs.take_changes(), "");
  Kvs other;
  EXPECT_TRUE(other.merge(changes));
  EXPECT_FALSE(other.get("a").has_value());
  EXPECT_EQ(other.get("b"), "2");
  EXPECT_FALSE(other.merge(changes.substr(0, changes.size() - 1)));
  EXPECT_FALSE(other.merge("\xff\xff\xff\xff"));
}

}  // namespace
}  // namespace sluice::mpi_pmi
