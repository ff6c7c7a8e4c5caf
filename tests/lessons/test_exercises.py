"""Every exercise of every lesson: its check knows the starter, the solution and the typical mistakes."""

from __future__ import annotations

import ast

import pytest

from lessons import checking, shelf

LESSONS = [path for path in shelf.lessons() if (shelf.FOLDER / "checks" / path.name).exists()]
MISTAKES = [
    (path, check, mistake)
    for path in LESSONS
    for check in shelf.load(shelf.FOLDER / "checks" / path.name).CHECKS
    for mistake in check.mistakes
]


def verdicts(lesson, folder):
    checks = shelf.load(shelf.FOLDER / "checks" / lesson.name)
    return list(checking.check_file(checks, shelf.FOLDER / folder / lesson.name))


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson(request):
    return request.param


def test_the_untouched_starter_is_not_attempted(lesson):
    assert {verdict.state for verdict in verdicts(lesson, "exercises")} == {checking.NOT_ATTEMPTED}


def test_the_solution_is_right(lesson):
    assert [v for v in verdicts(lesson, "solutions") if v.state != checking.RIGHT] == []


def called(value):
    return getattr(value, "stem", getattr(value, "name", getattr(value, "__name__", "mistake")))


@pytest.mark.parametrize(("lesson", "check", "mistake"), MISTAKES, ids=called)
def test_a_typical_mistake_is_found_wrong_and_answered_with_its_hint(lesson, check, mistake):
    verdict = checking.judge(check, mistake.answer)
    assert verdict.state == checking.WRONG, "the cases do not tell this mistake from the solution"
    assert verdict.hint == mistake.hint, verdict.wrong


def test_a_lesson_has_two_to_five_exercises_each_with_a_mistake(lesson):
    checks = shelf.load(shelf.FOLDER / "checks" / lesson.name).CHECKS
    assert 2 <= len(checks) <= 5
    assert all(check.mistakes and check.hint for check in checks)


def test_starter_and_solution_have_the_same_names_and_docstrings(lesson):
    def outline(folder):
        tree = ast.parse((shelf.FOLDER / folder / lesson.name).read_text(encoding="utf-8"))
        kinds = ast.FunctionDef | ast.ClassDef
        return [(node.name, bool(ast.get_docstring(node))) for node in tree.body if isinstance(node, kinds)]

    starter, solution = outline("exercises"), outline("solutions")
    assert all(documented for _, documented in starter)
    assert {name for name, _ in starter} <= {name for name, _ in solution}
