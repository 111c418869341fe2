// squeue, sinfo, scancel, sacct and scontrol: filters, formats, mistakes.
#include <gtest/gtest.h>

#include "base/ids.hpp"
#include "test/unit/opt/invoke.hpp"

namespace sluice::opt::test {
namespace {

using Names = std::vector<std::string>;
constexpr std::uint32_t state_bit(model::JobState state) {
  return 1U << static_cast<unsigned>(state);
}

TEST(JobRef, Forms) {
  EXPECT_EQ(parse_job_ref("12")->job, 12U);
  EXPECT_EQ(parse_job_ref("12_3")->task, 3U);
  EXPECT_EQ(parse_job_ref("12_[1-3,7%2]")->tasks, "1-3,7");
  EXPECT_EQ(parse_job_ref("12.0")->step, 0U);
  EXPECT_EQ(parse_job_ref("12+3")->component, 3U);
  EXPECT_EQ(parse_job_ref("12+3.0")->step, 0U);
  EXPECT_EQ(parse_job_ref("12_3.batch")->step, base::kBatchStep);
  EXPECT_EQ(parse_job_ref("12.extern")->step, base::kExternStep);
  for (const char* bad : {"", "x", "0", "1x", "1_", "1_x", "1.", "1.x", "1_[", "1_[]", "1_[3-1]",
                          "1_[1].0", "1+", "1+x", "1_2+1", "-1", "99999999999"}) {
    EXPECT_FALSE(parse_job_ref(bad)) << bad;
  }
}

TEST(JobStates, WordsAndCodes) {
  const auto states = parse_job_states("r,PENDING,cg");
  ASSERT_TRUE(states);
  EXPECT_EQ(states->states,
            state_bit(model::JobState::running) | state_bit(model::JobState::pending));
  EXPECT_EQ(states->flags, model::kFlagCompleting);
  EXPECT_TRUE(parse_job_states("all")->all);
  EXPECT_TRUE(parse_job_states("REVOKED")->given());
  EXPECT_EQ(parse_job_states("R,foo").error().text, "foo");
  for (std::size_t at = 0; at < 24; ++at) {
    std::string names = job_state_names();
    for (std::size_t i = 0; i < at; ++i) names.erase(0, names.find(',') + 1);
    EXPECT_TRUE(parse_job_states(names.substr(0, names.find(',')))->given());
  }
}

TEST(NodeStates, WordsSignsAndJoins) {
  const auto any = parse_node_states("IDLE,mix");
  ASSERT_TRUE(any);
  EXPECT_FALSE(any->all_of);
  ASSERT_EQ(any->terms.size(), 2U);
  EXPECT_EQ(any->terms[1].base, model::NodeState::mixed);
  const auto all = parse_node_states("idle+~drain");
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->all_of);
  EXPECT_TRUE(all->terms[1].negated);
  EXPECT_EQ(all->terms[1].flags, model::kNodeDrain);
  EXPECT_EQ(parse_node_states("drained")->terms[0].use, NodeStateTerm::Use::free);
  EXPECT_FALSE(parse_node_states("foo"));
}

TEST(Squeue, FiltersInManySpellings) {
  auto o =
      Invoke(words("-h -j 1,2_3 -tR,PD -u root -p a,b --accounts=x --nodes n[1-2] -rl -aho %P"))
          .squeue();
  ASSERT_TRUE(o) << o.error().err;
  EXPECT_EQ(o->jobs.size(), 2U);
  EXPECT_EQ(o->partitions, (Names{"a", "b"}));
  EXPECT_EQ(o->accounts, Names{"x"});
  EXPECT_EQ(o->nodes, (Names{"n1", "n2"}));
  EXPECT_EQ(o->users, std::vector<std::uint32_t>{0});
  EXPECT_TRUE(o->array && o->long_form && o->all && o->no_header);
  EXPECT_EQ(o->format, "%P");
  EXPECT_TRUE(o->format_given);
}

TEST(Squeue, JobListIsOptionalAndMayFollow) {
  EXPECT_TRUE(Invoke(words("-j")).squeue()->jobs.empty());
  EXPECT_EQ(Invoke(words("-j 5 -h")).squeue()->jobs.size(), 1U);
  EXPECT_EQ(Invoke(words("-j5")).squeue()->jobs.size(), 1U);
  EXPECT_EQ(Invoke(words("--jobs 5,6")).squeue()->jobs.size(), 2U);
  EXPECT_EQ(Invoke(words("--job=5 --job=6")).squeue()->jobs.size(), 2U);
  auto steps = Invoke(words("-s -h")).squeue();
  ASSERT_TRUE(steps);
  EXPECT_TRUE(steps->show_steps && steps->no_header && steps->steps.empty());
  EXPECT_EQ(Invoke(words("-s 5.0")).squeue()->steps.at(0).step, 0U);
}

TEST(Squeue, FormatsBySourceAndStrength) {
  auto env = Invoke({}).env("SQUEUE_FORMAT", "%i").env("SQUEUE_FORMAT2", "jobid").squeue();
  ASSERT_TRUE(env);
  EXPECT_TRUE(env->format_long_given);
  EXPECT_FALSE(env->format_given);
  auto line = Invoke(words("-o %T")).env("SQUEUE_FORMAT2", "jobid").squeue();
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->format_given);
  EXPECT_FALSE(line->format_long_given);
  auto both = Invoke(words("-o %T -O jobid")).squeue();
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().err, "squeue: error: -O (--Format) is incompatible with -o (--format)\n");
  auto names = Invoke(words("-O Name:10,State:|,")).squeue();
  ASSERT_TRUE(names);
  EXPECT_EQ(names->format_long, "Name:10,State:|,");
}

TEST(Squeue, TheLineReplacesVariables) {
  auto o = Invoke(words("-p b")).env("SQUEUE_PARTITION", "a").env("SQUEUE_STATES", "all").squeue();
  ASSERT_TRUE(o);
  EXPECT_EQ(o->partitions, Names{"b"});
  EXPECT_TRUE(o->states.all);
}

TEST(Squeue, MeNotmeAndStrangers) {
  EXPECT_EQ(Invoke(words("--me")).as_user(77).squeue()->users, std::vector<std::uint32_t>{77});
  EXPECT_TRUE(Invoke(words("--notme")).squeue()->not_me);
  auto stranger = Invoke(words("-u nosuchuser")).squeue();
  ASSERT_TRUE(stranger);
  EXPECT_EQ(stranger->users, std::vector<std::uint32_t>{model::kNoTask});
  EXPECT_EQ(stranger->warnings, Names{"Invalid user: nosuchuser"});
}

TEST(Squeue, DumpsAndOtherSwitches) {
  auto json = Invoke(words("--json")).squeue();
  ASSERT_TRUE(json);
  EXPECT_EQ(json->dump, Dump::json);
  EXPECT_EQ(Invoke(words("--yaml=v0.0.42")).squeue()->data_parser, "v0.0.42");
  auto rest = Invoke(words("--start --noconvert -P --only-job-state --local --federation --sib "
                           "--array-unique -i 5 -S -p,i -R r -L l -q q --name=n -M c -v"))
                  .squeue();
  ASSERT_TRUE(rest) << rest.error().err;
  EXPECT_TRUE(rest->start && rest->no_convert && rest->priority && rest->only_job_state);
  EXPECT_EQ(rest->iterate, 5U);
  EXPECT_EQ(rest->sort, "-p,i");
}

struct Wrong {
  const char* line;
  const char* text;
};

TEST(Squeue, Mistakes) {
  const std::string hint = "Try \"squeue --help\" for more information\n";
  const std::vector<std::pair<std::string, std::string>> table{
      {"--foo", "squeue: unrecognized option '--foo'\n" + hint},
      {"-u", "squeue: option requires an argument -- 'u'\n" + hint},
      {"--me=x", "squeue: option '--me' doesn't allow an argument\n" + hint},
      {"-jx", "squeue: error: Invalid job id: x\n"},
      {"-i0", "squeue: error: --iterate=0\n"},
      {"-wn[", "squeue: error: Invalid node name n[\n"},
      {"-tfoo",
       "squeue: error: Invalid job state specified: foo\n"
       "squeue: error: Valid job states include: " +
           job_state_names() + "\n"},
  };
  for (const auto& [line, text] : table) {
    auto o = Invoke(words(line)).squeue();
    ASSERT_FALSE(o) << line;
    EXPECT_EQ(o.error().err, text);
    EXPECT_EQ(o.error().exit_code, 1);
  }
  auto operand = Invoke(words("foo")).squeue();
  ASSERT_FALSE(operand);
  EXPECT_EQ(operand.error().err, "squeue: error: Unrecognized option: foo\n");
  EXPECT_TRUE(operand.error().out.starts_with("Usage: squeue "));
}

TEST(Sinfo, Options) {
  auto o = Invoke(words("-hNel -p a -n n[1-2] -t idle,drain -o %P -r -d -s -R -T -F --hide -a"))
               .env("SINFO_PARTITION", "zz")
               .sinfo();
  ASSERT_TRUE(o) << o.error().err;
  EXPECT_TRUE(o->no_header && o->node_oriented && o->exact && o->long_form && o->responding &&
              o->dead && o->summarize && o->list_reasons && o->reservations && o->future);
  EXPECT_EQ(o->partitions, Names{"a"});
  EXPECT_EQ(o->nodes, (Names{"n1", "n2"}));
  EXPECT_EQ(o->states.terms.size(), 2U);
  EXPECT_TRUE(o->format_given);
  auto wrong = Invoke(words("-t foo")).sinfo();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().err,
            "sinfo: error: Bad state string: \"foo\"\nsinfo: error: valid "
            "states: " +
                node_state_names() + "\n");
  auto iterate = Invoke(words("-ix")).sinfo();
  ASSERT_FALSE(iterate);
  EXPECT_EQ(iterate.error().err, "sinfo: error: Error: invalid entry for --iterate=x\n");
}

TEST(Scancel, JobsAndFilters) {
  auto o = Invoke(words("12 13_4 14_[1-2,5],15 16.0 --signal USR1 -b")).scancel();
  ASSERT_TRUE(o) << o.error().err;
  ASSERT_EQ(o->jobs.size(), 5U);
  EXPECT_EQ(o->jobs[2].tasks, "1-2,5");
  EXPECT_EQ(o->jobs[3].job, 15U);
  EXPECT_EQ(o->signal, 10U);
  EXPECT_TRUE(o->batch);
  auto filtered = Invoke(words("-u root -t PENDING -n x -w n1")).scancel();
  ASSERT_TRUE(filtered);
  EXPECT_TRUE(filtered->has_filter());
  EXPECT_EQ(filtered->user, 0U);
  EXPECT_EQ(Invoke(words("--me")).as_user(5).scancel()->user, 5U);
}

TEST(Scancel, Mistakes) {
  const std::vector<Wrong> table{
      {"", "scancel: error: No job identification provided\n"},
      {"abc", "scancel: error: Invalid job id abc\n"},
      {"1_x", "scancel: error: Invalid job id 1_x\n"},
      {"1_[1", "scancel: error: Invalid job id 1_[1\n"},
      {"-s foo 1", "Unknown job signal: foo\n"},
      {"-t foo",
       "Invalid job state specified: foo\n"
       "Valid job states are PENDING, RUNNING, and SUSPENDED\n"},
      {"-t COMPLETED",
       "Invalid job state specified: COMPLETED\n"
       "Valid job states are PENDING, RUNNING, and SUSPENDED\n"},
      {"-u nosuchuser", "scancel: error: Invalid user name: nosuchuser\n"},
      {"--sibling=x 1", "scancel: error: --sibling is not supported by Sluice: no federation\n"},
  };
  for (const Wrong& w : table) {
    auto o = Invoke(words(w.line)).scancel();
    ASSERT_FALSE(o) << w.line;
    EXPECT_EQ(o.error().err, w.text);
    EXPECT_EQ(o.error().exit_code, 1);
  }
}

TEST(Sacct, Options) {
  auto o = Invoke(words("-nPX -j 1,2.0 -j 3_4 -o jobid%20,state --fields=user -S now-1hours -E now "
                        "-s CD,F -u root -g root -N n[1-2] --units=g -i 2-4 -I 8 -k 5 -K 10 -D -T "
                        "--delimiter=; --name=a -r p -q q -A x -W w"))
               .env("SACCT_FORMAT", "zz")
               .sacct();
  ASSERT_TRUE(o) << o.error().err;
  EXPECT_TRUE(o->no_header && o->parsable2 && o->allocations && o->duplicates && o->truncate);
  EXPECT_EQ(o->jobs.size(), 3U);
  EXPECT_EQ(o->format, "jobid%20,state,user");
  EXPECT_EQ(o->start, kNow - 3600);
  EXPECT_EQ(o->end, kNow);
  EXPECT_EQ(o->units, 'G');
  EXPECT_EQ(o->max_nodes, 4U);
  EXPECT_EQ(o->min_cpus, 8U);
  EXPECT_EQ(o->timelimit_max, 10U);
  EXPECT_EQ(Invoke({}).env("SACCT_FORMAT", "zz").sacct()->format, "zz");
}

TEST(Sacct, Mistakes) {
  const std::vector<Wrong> table{
      {"--foo", "sacct: unrecognized option '--foo'\n"},
      {"-jx", "sacct: fatal: Bad job/step specified: x\n"},
      {"-sfoo", "sacct: fatal: unrecognized job state value 'foo'\n"},
      {"-Sfoo", "Invalid time specification (pos=0): foo\n"},
      {"-unosuchuser", "sacct: error: Invalid user id: nosuchuser\n"},
      {"-gnosuchgroup", "sacct: error: Invalid group id: nosuchgroup\n"},
      {"-ix", "sacct: error: Invalid numeric value \"x\" for requested node range.\n"},
      {"--units=X",
       "sacct: error: Invalid unit type 'X'. Possible options are 'KMGTP'\n"
       "sacct: fatal: Invalid unit type\n"},
      {"-kfoo", "sacct: fatal: Invalid time limit specification\n"},
      {"-c",
       "sacct: error: --completion is not supported by Sluice: there is one record of jobs, "
       "and no other\n"},
  };
  for (const Wrong& w : table) {
    auto o = Invoke(words(w.line)).sacct();
    ASSERT_FALSE(o) << w.line;
    EXPECT_EQ(o.error().err, w.text);
    EXPECT_EQ(o.error().exit_code, 1);
  }
}

TEST(Scontrol, OptionsMayFollowTheWords) {
  auto o = Invoke(words("show job 12 -o --json")).scontrol();
  ASSERT_TRUE(o) << o.error().err;
  EXPECT_EQ(o->words, (Names{"show", "job", "12"}));
  EXPECT_TRUE(o->one_line);
  EXPECT_EQ(o->dump, Dump::json);
  EXPECT_TRUE(Invoke(words("show jobid -dd 12")).scontrol()->details);
  EXPECT_TRUE(Invoke({}).scontrol()->words.empty());
  auto uid = Invoke(words("-u nosuchuser show job")).scontrol();
  ASSERT_FALSE(uid);
  EXPECT_EQ(uid.error().err, "scontrol: error: --uid=\"nosuchuser\" invalid\n");
}

}  // namespace
}  // namespace sluice::opt::test
