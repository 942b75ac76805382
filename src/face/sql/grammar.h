#ifndef SPILLWAY_FACE_SQL_GRAMMAR_H_
#define SPILLWAY_FACE_SQL_GRAMMAR_H_

// The grammar, in PEGTL's terms. Private to this module. Layout (spaces and comments) is eaten
// after each token, so that a node ends where its token does. A rule under if_must is what must
// come once its first part has; what to say when it does not is in kExpected.

#include <string_view>
#include <tao/pegtl.hpp>

#include "face/sql/statement.h"

namespace spillway::face::sql::grammar {

namespace p = tao::pegtl;

struct LineComment : p::seq<p::two<'-'>, p::until<p::eolf>> {};
// A comment with those in it; counted, since a rule that calls itself would be at the mercy of a
// script for its stack.
struct WholeComment {
  using rule_t = WholeComment;
  using subs_t = p::empty_list;
  template <typename Input>
  static bool match(Input& in) {
    const std::size_t length = BlockCommentLength({in.current(), in.size()});
    if (length == std::string_view::npos) return false;
    in.bump(length);
    return true;
  }
};
struct CommentRest : p::seq<WholeComment> {};
struct BlockComment : p::if_must<p::at<p::string<'/', '*'>>, CommentRest> {};
struct Layout : p::star<p::sor<p::space, LineComment, BlockComment>> {};

struct WordFirst : p::sor<p::ranges<'a', 'z', 'A', 'Z', '_'>, p::range<'\x80', '\xff'>> {};
struct WordOther : p::sor<WordFirst, p::ranges<'0', '9', '$'>> {};

template <typename Text>
struct Keyword : p::seq<Text, p::not_at<WordOther>, Layout> {};

// Tokens. The inner rules become nodes, without the layout behind them.
struct Word : p::seq<WordFirst, p::star<WordOther>> {};
struct QuotedRest
    : p::until<p::seq<p::one<'"'>, p::not_at<p::one<'"'>>>, p::sor<p::two<'"'>, p::any>> {};
struct TickedRest
    : p::until<p::seq<p::one<'`'>, p::not_at<p::one<'`'>>>, p::sor<p::two<'`'>, p::any>> {};
struct StringRest
    : p::until<p::seq<p::one<'\''>, p::not_at<p::one<'\''>>>, p::sor<p::two<'\''>, p::any>> {};
struct Quoted : p::if_must<p::one<'"'>, QuotedRest> {};
struct Ticked : p::if_must<p::one<'`'>, TickedRest> {};
struct String : p::if_must<p::one<'\''>, StringRest> {};
// A value without quotes: full, 15m, 8192, 50%, -1, lake.sales.products
struct Bare : p::plus<p::not_at<p::two<'-'>>, p::sor<WordOther, p::one<'.', '%', '+', '-'>>> {};

struct Name : p::sor<Word, Quoted, Ticked> {};
struct Comma : p::seq<p::one<','>, Layout> {};
struct Open : p::seq<p::one<'('>, Layout> {};
struct Close : p::seq<p::one<')'>, Layout> {};
struct Equals : p::seq<p::one<'='>, Layout> {};

struct NamePart : p::seq<Name> {};
struct DotName : p::seq<NamePart> {};
struct TableNameNode : p::seq<NamePart, p::star<p::if_must<p::one<'.'>, DotName>>> {};
struct TableName : p::seq<TableNameNode, Layout> {};
struct OneName : p::seq<Name, Layout> {};

struct Scalar : p::seq<p::sor<String, Quoted, Ticked, Bare>, Layout> {};
struct PairValue : p::seq<Scalar> {};
struct Entry : p::seq<Scalar, p::opt<p::if_must<Equals, PairValue>>> {};
struct NextEntry : p::seq<Entry> {};
struct GroupEnd : p::seq<Close> {};
struct GroupItems : p::seq<Entry, p::star<p::if_must<Comma, NextEntry>>> {};
struct Group : p::if_must<Open, p::opt<GroupItems>, GroupEnd> {};
struct Value : p::sor<Group, Scalar> {};

struct Key : p::seq<Name, Layout> {};
struct OptionEquals : p::seq<Equals> {};
struct OptionValue : p::seq<Value> {};
struct Option : p::if_must<Key, OptionEquals, OptionValue> {};
struct NextOption : p::seq<Option> {};
struct OptionsOpen : p::seq<Open> {};
struct OptionsEnd : p::seq<Close> {};
struct OptionItems : p::seq<Option, p::star<p::if_must<Comma, NextOption>>> {};
struct Options : p::seq<OptionsOpen, p::opt<OptionItems>, p::must<OptionsEnd>> {};

#define SPILLWAY_SQL_KEYWORD(name, text) \
  struct name : Keyword<TAO_PEGTL_ISTRING(text)> {}
SPILLWAY_SQL_KEYWORD(KwAlter, "alter");
SPILLWAY_SQL_KEYWORD(KwCreate, "create");
SPILLWAY_SQL_KEYWORD(KwDesc, "desc");
SPILLWAY_SQL_KEYWORD(KwDescribe, "describe");
SPILLWAY_SQL_KEYWORD(KwDrop, "drop");
SPILLWAY_SQL_KEYWORD(KwExists, "exists");
SPILLWAY_SQL_KEYWORD(KwExplain, "explain");
SPILLWAY_SQL_KEYWORD(KwFrom, "from");
SPILLWAY_SQL_KEYWORD(KwIf, "if");
SPILLWAY_SQL_KEYWORD(KwInstance, "instance");
SPILLWAY_SQL_KEYWORD(KwKeep, "keep");
SPILLWAY_SQL_KEYWORD(KwLakebase, "lakebase");
SPILLWAY_SQL_KEYWORD(KwLike, "like");
SPILLWAY_SQL_KEYWORD(KwNot, "not");
SPILLWAY_SQL_KEYWORD(KwPause, "pause");
SPILLWAY_SQL_KEYWORD(KwReset, "reset");
SPILLWAY_SQL_KEYWORD(KwResume, "resume");
SPILLWAY_SQL_KEYWORD(KwResync, "resync");
SPILLWAY_SQL_KEYWORD(KwSet, "set");
SPILLWAY_SQL_KEYWORD(KwShow, "show");
SPILLWAY_SQL_KEYWORD(KwSource, "source");
SPILLWAY_SQL_KEYWORD(KwSources, "sources");
SPILLWAY_SQL_KEYWORD(KwSync, "sync");
SPILLWAY_SQL_KEYWORD(KwSynced, "synced");
SPILLWAY_SQL_KEYWORD(KwTable, "table");
SPILLWAY_SQL_KEYWORD(KwTables, "tables");
SPILLWAY_SQL_KEYWORD(KwTarget, "target");
SPILLWAY_SQL_KEYWORD(KwTargets, "targets");
SPILLWAY_SQL_KEYWORD(KwUrl, "url");
SPILLWAY_SQL_KEYWORD(KwUsing, "using");
SPILLWAY_SQL_KEYWORD(KwWith, "with");
#undef SPILLWAY_SQL_KEYWORD

// What must come, each with its words for people in parse.cc.
struct WantNot : p::seq<KwNot> {};
struct WantExists : p::seq<KwExists> {};
struct WantTable : p::seq<KwTable> {};
struct WantTables : p::seq<KwTables> {};
struct WantSyncedTable : p::seq<p::opt<KwSynced>, KwTable> {};
struct WantFrom : p::seq<KwFrom> {};
struct WantLakebase : p::seq<KwLakebase> {};
struct WantInstance : p::seq<KwInstance> {};
struct WantUrl : p::seq<KwUrl> {};
struct WantSync : p::seq<KwSync> {};
struct WantTableName : p::seq<TableName> {};
struct WantName : p::seq<OneName> {};
struct WantOptions : p::seq<Options> {};
struct WantText : p::seq<Scalar> {};
struct SourceName : p::seq<p::sor<p::seq<String, Layout>, TableName>> {};

struct IfNotExists : p::seq<KwIf, KwNot, p::must<WantExists>> {};
struct IfExists : p::seq<KwIf, KwExists> {};
struct Using : p::if_must<KwUsing, WantLakebase, WantInstance, WantText> {};
struct With : p::if_must<KwWith, WantOptions> {};

struct CreateTable : p::if_must<KwSynced, WantTable, p::opt<IfNotExists>, WantTableName, WantFrom,
                                SourceName, p::opt<Using>, p::opt<With>> {};
struct CreateTarget
    : p::if_must<KwTarget, p::opt<IfNotExists>, WantName, WantUrl, WantText, p::opt<With>> {};
struct CreateSource
    : p::if_must<KwSource, p::opt<IfNotExists>, WantTableName, WantUrl, WantText, p::opt<With>> {};
struct WantCreated : p::sor<CreateTable, CreateTarget, CreateSource> {};
struct Create : p::if_must<KwCreate, WantCreated> {};

struct SetFields : p::if_must<KwSet, WantOptions> {};
struct ResetKey : p::seq<Key> {};
struct ResetItems : p::seq<ResetKey, p::star<p::if_must<Comma, ResetKey>>> {};
struct WantResetKeys : p::seq<OptionsOpen, ResetItems, p::must<OptionsEnd>> {};
struct ResetFields : p::if_must<KwReset, WantResetKeys> {};
struct WantAlteration : p::plus<p::sor<SetFields, ResetFields>> {};
struct WantSynced : p::seq<KwSynced> {};
struct Alter : p::if_must<KwAlter, WantSynced, WantTable, WantTableName, WantAlteration> {};

struct KeepTable : p::if_must<KwKeep, WantTable> {};
struct DropTable : p::if_must<KwDrop, WantTable> {};
struct WantFate : p::sor<KeepTable, DropTable> {};
struct DropSynced : p::if_must<KwSynced, WantTable, p::opt<IfExists>, WantTableName, WantFate> {};
struct DropTarget : p::if_must<KwTarget, p::opt<IfExists>, WantName> {};
struct DropSource : p::if_must<KwSource, p::opt<IfExists>, WantTableName> {};
struct WantDropped : p::sor<DropSynced, DropTarget, DropSource> {};
struct Drop : p::if_must<KwDrop, WantDropped> {};

struct Like : p::if_must<KwLike, WantText> {};
struct ShowTables : p::if_must<KwSynced, WantTables, p::opt<Like>> {};
struct ShowCreate : p::if_must<KwCreate, WantSynced, WantTable, WantTableName> {};
struct ShowTargets : p::seq<KwTargets> {};
struct ShowSources : p::seq<KwSources> {};
struct WantShown : p::sor<ShowTables, ShowCreate, ShowTargets, ShowSources> {};
struct Show : p::if_must<KwShow, WantShown> {};

struct TableNames : p::seq<WantTableName, p::star<p::if_must<Comma, WantTableName>>> {};
struct WantTableNames : p::seq<TableNames> {};
struct Sync : p::if_must<KwSync, WantSyncedTable, WantTableNames> {};
struct Explain : p::if_must<KwExplain, WantSync, WantSyncedTable, WantTableNames> {};
struct Resync : p::if_must<KwResync, WantSyncedTable, WantTableNames> {};
struct Pause : p::if_must<KwPause, WantSyncedTable, WantTableNames> {};
struct Resume : p::if_must<KwResume, WantSyncedTable, WantTableNames> {};
struct Describe : p::if_must<p::sor<KwDescribe, KwDesc>, WantSyncedTable, WantTableNames> {};

struct StatementNode
    : p::sor<Create, Alter, Drop, Show, Sync, Explain, Resync, Pause, Resume, Describe> {};
struct WantStatement : p::seq<StatementNode> {};
struct StatementEnd : p::sor<p::eof, p::at<p::one<';'>>> {};
struct Separator : p::seq<p::one<';'>, Layout> {};
struct ScriptRule
    : p::seq<Layout, p::star<Separator>,
             p::until<p::eof, p::must<WantStatement>, p::must<StatementEnd>, p::star<Separator>>> {
};

}  // namespace spillway::face::sql::grammar

#endif  // SPILLWAY_FACE_SQL_GRAMMAR_H_
