# One operation on files, named by the first argument.
my %ops = (
  read => sub { open my $f, "<", "f" or die; <$f> },
  missing => sub { -e "nope" },
  create => sub { open my $f, ">", "n" or die },
  append => sub { open my $f, ">>", "f" or die },
  rename => sub { rename "f", "g" or die },
  unlink => sub { unlink "f" or die },
  mkdir => sub { mkdir "d" or die },
  list => sub { opendir my $d, "." or die; readdir $d },
  stat => sub { stat "f" or die },
  symlink => sub { symlink "f", "n" or die },
  readlink => sub { readlink "l" or die },
  chdir => sub { chdir "d" or die; open my $f, "<", "f" or die; <$f> },
  spawn => sub { system("./prog") == 0 or die },
);
$ops{$ARGV[0]}->();
