"""Options of data sets: the data set, its split and its columns."""

from __future__ import annotations

from typing import Annotated

from stabcert.cli.declared import option

DataSet = Annotated[
    str | None,
    option(
        "--dataset",
        affects="keyed",
        metavar="NAME",
        help="Directory or hub name of a data set, or NAME:CONFIG (extra: data).",
        reads="model folder",
    ),
]
Split = Annotated[
    str | None,
    option(
        "--split",
        affects="keyed",
        metavar="SPLIT",
        show_default="the only one",
        help="Split of --dataset, or a part: test, test[:100], test[10%:20%].",
    ),
]
Column = Annotated[
    str | None,
    option(
        "--column",
        affects="keyed",
        metavar="NAME",
        show_default="text, or the images",
        help="Its column of texts or images; A,B for pairs. Also of a .parquet, .arrow or .feather list.",
    ),
]
LabelColumn = Annotated[
    str | None,
    option(
        "--label-column",
        affects="keyed",
        metavar="NAME",
        show_default="label",
        help="Its column of labels, for smooth-eval and adapt.",
    ),
]
