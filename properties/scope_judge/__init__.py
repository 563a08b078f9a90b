"""What must hold on the wire: a judge of transcripts, which accepts every conforming client."""
