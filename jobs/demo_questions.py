"""A held-out evaluation set about Python's standard library, written for the demo.

Each question is longer than 13 words, the n-gram length by which contamination is usually looked for. In the text
below, blank lines part the items; the last line of an item is the answer, the lines before it are the question.
"""

ITEMS = """
A list of seven different numbers is handed to itertools.combinations with r equal to two; how many pairs come out
before the iterator ends?
21

You sort a list of customer records twice with the built-in sorted, first by name and then by city; which property of
the algorithm keeps the names in order inside each city?
stability

Someone divides minus seven by two with the floor division operator on integers in Python; which whole number does the
interpreter print?
-4

A deque from the collections module was created with maxlen three and then received the letters a to e by append; which
letters does it still hold, from left to right?
c, d, e

The textwrap module can remove the leading whitespace that all lines of a triple-quoted string share; what is the
function called that does it?
dedent

A script must add up one tenth ten times in floating point and still get exactly one; which function of the math module
returns an accurate sum?
fsum

What does the built-in function round give for two and a half when it is called without a number of digits, given that
it rounds ties to the even neighbour?
2

A heap made with the heapq module is an ordinary list; at which index of that list does the smallest element always
stand after heapify has been called?
0

Which exception does next raise when it is called with one argument on an iterator that has no further element to give
to the caller?
StopIteration

A program opens a zip archive to append one more file to it without losing those inside; which single letter must be
passed as the mode?
a

The function bisect_right looks for the place of a value in a sorted list that already holds it; on which side of the
equal entries does the place lie?
to the right of them

An engineer wants the exact fraction that stands behind the floating point number one half; which pair of integers does
its method as_integer_ratio return?
(1, 2)

In the struct module a format string may begin with a character that sets the byte order; which character asks for big
endian without any padding?
>

A regular expression should match the empty place between a word character and one that is not; which backslash
sequence of the re module stands for that boundary?
\\b

How many days does calendar.monthrange report for February of the year two thousand, a century year that can be divided
by four hundred without rest?
29

The hashlib module offers several algorithms in every build of Python; how many hexadecimal digits long is the result
of hexdigest for the one called sha256?
64

Suppose that a class defines a method called __enter__ so that it can be used in a with statement; which second special
method must the class define as well?
__exit__

Which function of the functools module turns a comparison function of the old style, with two arguments, into something
that can be passed as a sort key?
cmp_to_key

A text file is opened for reading and no encoding is named, while Python runs in its UTF-8 mode; in which encoding will
the contents of that file be decoded?
UTF-8

The statistics module has three functions for the middle of a data set with an even number of values; which of them
returns the larger of the two middle values?
median_high

When the json module is told to serialise a tuple that holds three integers, which kind of value will a reader of that
output find in the document?
an array

A thread calls acquire on a plain Lock of the threading module that it already holds itself, without a time limit; what
happens to the thread from then on?
it blocks for ever

Which module of the standard library should a program use in place of random when it has to make tokens or passwords
that nobody can guess in advance?
secrets

The Decimal type keeps track of significance, so that one point thirty plus one point twenty does not lose its last
zero; how is the printed sum written?
2.50

How many elements does the list hold that results from taking the slice from index two up to but not including index
nine, with a step of three, of range(20)?
3

A directory tree has to be removed together with everything inside it; which function of the shutil module does that in
a single call?
rmtree

An enumeration is declared with the class Enum and its members get their numbers from auto; which number does the first
member receive unless the class says otherwise?
1

What does str.partition return as its second item when the separator that was asked for cannot be found anywhere in the
string being split?
an empty string

A generator function contains a return statement with the value forty-two; as which attribute of the exception that
ends the iteration can a caller find that value?
value

The ipaddress module can list the usable host addresses of a network; how many of them does the IPv4 network with a
prefix length of twenty-nine bits contain?
6

In asyncio a coroutine must wait for several others at once and collect their results in the order in which they were
passed; which function is made for it?
gather

Which attribute of a compiled regular expression tells how many capturing groups the pattern contains, the group for
the entire match not being counted?
groups

A dictionary with the keys a and b is merged by the vertical bar operator with one that has the keys b and c; from
which operand does the value for b come?
the right one

The built-in zip received two lists of unequal length and its argument strict was left alone; at the end of which list
does the iteration stop?
the shorter one

A logger of the logging module was never given a level, and neither was any other logger; what is the least severe
level whose messages the root logger lets through?
WARNING

Which special attribute may a class declare with a list of names so that its instances carry no dictionary and need
less memory than usual?
__slots__
"""


def questions() -> list[dict[str, str]]:
    """The items as rows with id, question and answer."""
    rows = []
    for number, item in enumerate(ITEMS.strip().split("\n\n")):
        *lines, answer = item.split("\n")
        rows.append({"id": f"stdlib-{number:03d}", "question": " ".join(lines), "answer": answer})
    return rows
