. ./helper.sh
echo "parts $(plus $((6 * 6)))"
