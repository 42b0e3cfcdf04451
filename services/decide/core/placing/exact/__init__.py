"""The exact model of a small problem: a mixed-integer programme, solved by HiGHS."""
