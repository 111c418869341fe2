"""The grammar of --constraint: a&b, a|b, (a|b)&c, counts a*2&b*1, one of several for all nodes
[a|b]. `holds` says whether a set of nodes, each a set of features, is what was asked for.
"""
import re

from slurm_files import Malformed


class Parser:
    def __init__(self, text):
        self.words = re.findall(r"[&|()\[\]]|[^&|()\[\]]+", text)
        self.place = 0

    def next(self):
        return self.words[self.place] if self.place < len(self.words) else ""

    def take(self):
        self.place += 1
        return self.words[self.place - 1]

    def either(self):
        parts = [self.both()]
        while self.next() == "|":
            self.take()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else ("|", parts)

    def both(self):
        parts = [self.one()]
        while self.next() == "&":
            self.take()
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else ("&", parts)

    def one(self):
        word = self.take()
        if word in ("(", "["):
            inner = self.either()
            if self.take() not in (")", "]"):
                raise Malformed("--constraint: a bracket is not closed")
            return ("all", inner) if word == "[" else inner
        name, _, count = word.partition("*")
        return ("count", name, int(count)) if count else ("is", name)


def has_counts(tree):
    return (
        tree[0] == "count"
        or (isinstance(tree[-1], list) and any(has_counts(part) for part in tree[-1]))
        or (tree[0] == "all" and has_counts(tree[1]))
    )


def of_node(tree, features):
    if tree[0] in ("is", "count"):
        return tree[1] in features
    if tree[0] == "all":
        return of_node(tree[1], features)
    judge = any if tree[0] == "|" else all
    return judge(of_node(part, features) for part in tree[1])


def choices(tree):
    """Without the brackets: each choice that all nodes have to share."""
    if tree[0] == "all":
        return tree[1][1] if tree[1][0] == "|" else [tree[1]]
    if tree[0] == "&":
        made = [[]]
        for part in tree[1]:
            made = [[*one, other] for one in made for other in choices(part)]
        return [("&", one) for one in made]
    return [tree]


def holds(text, nodes):
    if not text:
        return True
    tree = Parser(text).either()
    if has_counts(tree):
        inner = tree[1] if tree[0] == "all" else tree
        parts = inner[1] if inner[0] == "&" else [inner]
        return all(
            sum(part[1] in node for node in nodes)
            >= (part[2] if part[0] == "count" else len(nodes))
            for part in parts
        )
    return any(all(of_node(choice, node) for node in nodes) for choice in choices(tree))


def could_hold(text, node):
    """May this node be among those of such a job?"""
    return not text or has_counts(Parser(text).either()) or of_node(Parser(text).either(), node)
