"""Writing arrays as C, for the scripts that make the stored cases."""
import numpy as np


def emit(kind, name, values):
    text = ["NAN" if isinstance(v, float) and np.isnan(v) else
            repr(v) + ("F" if kind == "float" else "") for v in values]
    lines, line = [], "   "
    for t in text:
        if len(line) + len(t) + 2 > 88:
            lines.append(line)
            line = "   "
        line += " " + t + ","
    print(f"static const {kind} {name}[] = {{\n" + "\n".join(lines + [line]) + "\n};")
