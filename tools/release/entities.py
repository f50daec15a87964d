"""Makes fixtures/bundled/entities.txt: HTML's named character references, as Python's html.entities.html5 has them from the HTML standard
(https://html.spec.whatwg.org/entities.json). A line is a name and the code points of its text.

    python3 tools/release/entities.py > fixtures/bundled/entities.txt
"""
import html.entities

for name, text in sorted(html.entities.html5.items()):
    print(name, " ".join(f"{ord(character):x}" for character in text))
