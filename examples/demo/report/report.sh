# Greets everybody in names.txt, in order, and says how many there were.
set -eu
xargs ../greeting/build/greeting < names.txt | sort > out/report.txt
wc -l < out/report.txt > out/count.txt
echo "report: $(cat out/count.txt) greetings"
