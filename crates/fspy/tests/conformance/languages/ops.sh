# One operation on files, named by the first argument.
case $1 in
  read) read -r line <f ;;
  missing) test -e nope ;;
  create) : >n ;;
  append) : >>f ;;
  rename) mv f g ;;
  unlink) rm -f f ;;
  mkdir) mkdir d ;;
  list) ls ;;
  stat) test -f f ;;
  symlink) ln -s f n ;;
  readlink) readlink l ;;
  chdir) cd d && read -r line <f ;;
  spawn) ./prog ;;
  *) exit 9 ;;
esac
true
