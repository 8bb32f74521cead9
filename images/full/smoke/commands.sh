# The commands that people know from other sandboxes do what they are known for.
set -euo pipefail
printf '# T\n\n- a\n- b\n' > a.md
pandoc a.md -o a.docx && pandoc a.md -t html | grep -q '<h1 id="t">T</h1>'
soffice --headless --convert-to pdf a.docx > /dev/null 2>&1 && pdftotext a.pdf - | grep -q T
printf 'n,double\n20,=A2*2+2\n' > a.csv
soffice --headless --convert-to xlsx a.csv > /dev/null 2>&1
python3 -c 'import openpyxl; assert openpyxl.load_workbook("a.xlsx", data_only=True).active["B2"].value == 42'
convert -size 40x20 xc:red a.png && file a.png | grep -q 'PNG image data, 40 x 20'
ffmpeg -loglevel error -f lavfi -i testsrc=duration=1:size=64x48:rate=5 -pix_fmt yuv420p a.mp4
[ "$(ffprobe -v error -show_entries stream=nb_frames -of csv=p=0 a.mp4)" = 5 ]
sox -n tone.wav synth 0.1 sine 440
echo 'set terminal png; set output "g.png"; plot x' | gnuplot && file g.png | grep -q PNG
convert -size 400x90 xc:white -fill black -font DejaVu-Sans -pointsize 48 -annotate +20+60 'Invoice 4711' s.png
tesseract s.png - 2> /dev/null | grep -q 'Invoice 4711'
exiftool -Comment=hello a.png > /dev/null && exiftool -s3 -Comment a.png | grep -q hello
rg -q T a.md && fd a.md | grep -q a.md
weasyprint a.md h.pdf 2> /dev/null || weasyprint <(echo '<h1>T</h1>') h.pdf
qpdf --check h.pdf > /dev/null && pdftoppm -r 20 -png h.pdf page && gs -q -dNODISPLAY -c quit
latex --version | grep -q TeX
npm --version > /dev/null && tsc --version | grep -q Version
