if then # broken
echo 'it ran'
fi
